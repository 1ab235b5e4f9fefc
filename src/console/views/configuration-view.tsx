/** The current configuration, without the values of secrets. */
import { useState } from "preact/hooks";
import { api, dataOf, type Setting } from "../api.ts";
import { Field } from "../controls.tsx";
import { Loading } from "../loading.tsx";
import { Badge, Heading, LongWord } from "../parts.tsx";
import { type Column, Table } from "../tables.tsx";
import { words } from "../words.ts";
import { useLoaded } from "./loading.ts";

export default function ConfigurationView() {
  const { configuration: texts, views } = words;
  const [typed, setTyped] = useState("");
  const settings = useLoaded((signal) => dataOf(api.GET("/api/v1/configuration", { signal })), []);
  const columns: Column<Setting & { id: string }>[] = [
    { title: texts.name, cell: ({ name }) => <Name name={name} /> },
    { title: texts.value, isPlain: true, cell: (setting) => <Value setting={setting} /> },
    { title: texts.source, isWide: true, cell: (setting) => <Source setting={setting} /> },
  ];
  const text = typed.trim().toLowerCase();
  return (
    <>
      <Heading title={views.configuration} />
      <p>{texts.text}</p>
      <div class="filters">
        <Field label={texts.search} type="search" value={typed} onInput={setTyped} />
      </div>
      <Loading of={settings} lines={10}>
        {({ items }) => {
          const shown = items.filter(({ name }) => name.toLowerCase().includes(text));
          return shown.length === 0 ? (
            <p class="empty">{words.palette.nothing}</p>
          ) : (
            <Table
              caption={views.configuration}
              columns={columns}
              items={shown.map((each) => ({ ...each, id: each.name }))}
            />
          );
        }}
      </Loading>
    </>
  );
}

function Name({ name }: { name: string }) {
  return (
    <code>
      <LongWord>{name}</LongWord>
    </code>
  );
}

function Value({ setting: { value, is_secret, is_set } }: { setting: Setting }) {
  const { configuration: texts, shell } = words;
  if (is_secret) return <span class="quiet">{is_set ? texts.hidden : shell.none}</span>;
  return value === null || value === "" ? <span class="quiet">{shell.none}</span> : <code>{value}</code>;
}

function Source({ setting: { is_secret, is_set, is_default } }: { setting: Setting }) {
  const { configuration: texts } = words;
  return (
    <span class="tags">
      {is_secret && <Badge>{texts.secret}</Badge>}
      {is_default || !is_set ? (
        <Badge>{is_set ? texts.sameAsDefault : texts.default}</Badge>
      ) : (
        <Badge kind="good">{texts.set}</Badge>
      )}
    </span>
  );
}
