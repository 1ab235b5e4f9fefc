/** The current limits. Looks up how much of a limit is left for an address or a user, and resets this limit. */
import { useState } from "preact/hooks";
import { api, dataOf, type Limit, type LimitState } from "../api.ts";
import { Button, Choice, Field } from "../controls.tsx";
import { faultsOf } from "../failures.ts";
import { Failure, Loading } from "../loading.tsx";
import { notify } from "../notices.tsx";
import { Facts, Heading, LongWord, Panel, Time } from "../parts.tsx";
import { type Column, Table } from "../tables.tsx";
import { durationOf, fill, numberOf, words } from "../words.ts";
import { FormDialog } from "./dialog.tsx";
import { useLoaded } from "./loading.ts";

export default function LimitsView() {
  const { limits: texts, views } = words;
  const limits = useLoaded((signal) => dataOf(api.GET("/api/v1/limits", { signal })), []);
  const columns: Column<Limit & { id: string }>[] = [
    { title: texts.name, cell: (limit) => <Name limit={limit} /> },
    { title: texts.budget, cell: ({ limit }) => numberOf(limit) },
    { title: texts.window, cell: ({ window_seconds }) => <span class="whole">{durationOf(window_seconds)}</span> },
    { title: texts.per, isWide: true, cell: ({ per }) => texts.kinds[per] },
  ];
  return (
    <>
      <Heading title={views.limits} />
      <Loading of={limits} lines={10}>
        {({ items }) => (
          <>
            <Panel title={texts.lookUp.heading}>
              <LookUp limits={items.filter(({ has_key }) => has_key)} />
            </Panel>
            <h2 class="part-title">{texts.current}</h2>
            <Table
              caption={texts.current}
              columns={columns}
              items={items.map((each) => ({ ...each, id: each.name }))}
            />
          </>
        )}
      </Loading>
    </>
  );
}

function Name({ limit: { name, description } }: { limit: Limit }) {
  return (
    <>
      <code>
        <LongWord>{name}</LongWord>
      </code>
      <span class="sub" lang="en">
        {description}
      </span>
    </>
  );
}

const isUsed = ({ limit, remaining }: LimitState) => remaining < limit;

function Found({ state }: { state: LimitState }) {
  const { limits: texts } = words;
  const left = `${numberOf(state.remaining)} / ${numberOf(state.limit)}`;
  if (!isUsed(state)) return <Facts facts={[[texts.remaining, `${left} · ${texts.nothingUsed}`]]} />;
  return (
    <Facts
      facts={[
        [texts.remaining, left],
        [texts.resetsAt, <Time key="resets" time={state.resets_at} />],
      ]}
    />
  );
}

function readState(name: string, key: string): Promise<LimitState> {
  return dataOf(api.POST("/api/v1/limits/{name}/look-up", { params: { path: { name } }, body: { key } }));
}

function LookUp({ limits }: { limits: readonly Limit[] }) {
  const { limits: texts, shell } = words;
  const [name, setName] = useState(limits[0]?.name ?? "");
  const [key, setKey] = useState("");
  const [fault, setFault] = useState<string>();
  const [failure, setFailure] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const [isAsking, setAsking] = useState(false);
  const [found, setFound] = useState<{ state: LimitState; key: string }>();
  const per = limits.find((each) => each.name === name)?.per ?? "user";

  const lookUp = async () => {
    const about = key.trim();
    setFailure(undefined);
    setFound(undefined);
    setFault(about === "" ? texts.lookUp.missing : undefined);
    if (about === "" || isBusy) return;
    setBusy(true);
    try {
      setFound({ state: await readState(name, about), key: about });
    } catch (error) {
      const { key: wrong } = faultsOf(error);
      if (wrong === undefined) setFailure(error);
      else setFault(wrong);
    } finally {
      setBusy(false);
    }
  };
  const reset = async ({ state, key: about }: { state: LimitState; key: string }) => {
    await api.POST("/api/v1/limits/{name}/reset", { params: { path: { name: state.name } }, body: { key: about } });
    setFound({ state: await readState(state.name, about), key: about });
    notify(fill(texts.reset.done, { name: state.name, key: about }));
  };
  return (
    <>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          lookUp();
        }}
      >
        <p class="quiet">{texts.lookUp.text}</p>
        <div class="line-form">
          <Choice
            label={texts.name}
            value={name}
            onChoose={(value) => {
              setName(value);
              setFound(undefined);
            }}
            options={limits.map((each) => [each.name, each.name] as const)}
          />
          <Field label={texts.kinds[per]} value={key} onInput={setKey} fault={fault} />
          <Button isSubmit look="main" isBusy={isBusy}>
            {isBusy ? shell.working : texts.lookUp.label}
          </Button>
        </div>
      </form>
      {failure !== undefined && <Failure failure={failure} retry={lookUp} />}
      <div role="status">
        {found !== undefined && (
          <div class="found">
            <Found state={found.state} />
            {isUsed(found.state) && <Button onClick={() => setAsking(true)}>{texts.reset.label}</Button>}
          </div>
        )}
      </div>
      {isAsking && found !== undefined && (
        <FormDialog
          title={fill(texts.reset.heading, { name: found.state.name, key: found.key })}
          label={texts.reset.confirm}
          act={() => reset(found)}
          onClose={() => setAsking(false)}
        >
          <ul class="follows">
            {texts.reset.follows.map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
        </FormDialog>
      )}
    </>
  );
}
