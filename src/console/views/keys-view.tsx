/** Signing keys, with a button to rotate them early. */
import { useState } from "preact/hooks";
import { isAllowed } from "../access.ts";
import { api, dataOf } from "../api.ts";
import { Button } from "../controls.tsx";
import { Loading } from "../loading.tsx";
import { notify } from "../notices.tsx";
import { Heading } from "../parts.tsx";
import { Table } from "../tables.tsx";
import type { ViewProps } from "../views.ts";
import { words } from "../words.ts";
import { FormDialog } from "./dialog.tsx";
import { keyColumns } from "./key-columns.tsx";
import { useLoaded } from "./loading.ts";

type Rotation = "rotate" | "emergency";

export default function KeysView({ me }: ViewProps) {
  const { keys: texts, views } = words;
  const [asked, setAsked] = useState<Rotation>();
  const keys = useLoaded((signal) => dataOf(api.GET("/api/v1/keys", { signal })), []);
  const rotate = async (rotation: Rotation) => {
    await api.POST("/api/v1/keys/rotate", { body: { emergency: rotation === "emergency" } });
    keys.reload();
    notify(texts.acts[rotation].done);
  };
  return (
    <>
      <Heading title={views.keys}>
        {isAllowed(me, "rotate_keys") && (
          <>
            <Button onClick={() => setAsked("rotate")}>{texts.acts.rotate.label}</Button>
            <Button look="to-danger" onClick={() => setAsked("emergency")}>
              {texts.acts.emergency.label}
            </Button>
          </>
        )}
      </Heading>
      <p>{texts.text}</p>
      <Loading of={keys} lines={4}>
        {({ items }) => (
          <Table
            caption={views.keys}
            columns={keyColumns(true)}
            items={items.map((key) => ({ ...key, id: key.kid }))}
          />
        )}
      </Loading>
      {asked !== undefined && (
        <FormDialog
          title={texts.acts[asked].heading}
          label={texts.acts[asked].confirm}
          isDangerous={asked === "emergency"}
          act={() => rotate(asked)}
          onClose={() => setAsked(undefined)}
        >
          <ul class="follows">
            {texts.acts[asked].follows.map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
        </FormDialog>
      )}
    </>
  );
}
