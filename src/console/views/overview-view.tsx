/** What the service does: numbers, and a small chart for each kind of event. */
import { api, dataOf, type Overview } from "../api.ts";
import { Loading } from "../loading.tsx";
import { Badge, Facts, Heading, Panel, Time } from "../parts.tsx";
import { replaceQuery } from "../route.ts";
import { Table } from "../tables.tsx";
import type { ViewProps } from "../views.ts";
import { dayOf, fill, hourOf, numberOf, words } from "../words.ts";
import { Chart } from "./chart.tsx";
import { keyColumns } from "./key-columns.tsx";
import { useLoaded } from "./loading.ts";

type Point = Overview["history"]["points"][number];

const PERIODS = ["24h", "30d"] as const;

export default function OverviewView({ query }: ViewProps) {
  const { overview: texts, views } = words;
  const period = PERIODS.find((each) => each === query.get("period")) ?? "24h";
  const loaded = useLoaded(
    (signal) => dataOf(api.GET("/api/v1/overview", { params: { query: { period } }, signal })),
    [period],
  );
  return (
    <>
      <Heading title={views.overview}>
        <fieldset class="periods">
          <legend class="visually-hidden">{texts.period}</legend>
          {PERIODS.map((each) => (
            <button
              type="button"
              class="button button-quiet small"
              key={each}
              aria-pressed={each === period}
              onClick={() => replaceQuery("overview", { period: each })}
            >
              {texts.periods[each]}
            </button>
          ))}
        </fieldset>
      </Heading>
      <Loading of={loaded} lines={8}>
        {(overview) => <Numbers overview={overview} isBusy={loaded.isLoading} />}
      </Loading>
    </>
  );
}

function Numbers({ overview, isBusy }: { overview: Overview; isBusy: boolean }) {
  const { overview: texts } = words;
  const { users, emails, keys, history, version, environment, generated_at } = overview;
  const figures = [
    [texts.users, users.total],
    [texts.verified, users.verified],
    [texts.withFactor, users.with_second_factor],
    [texts.suspended, users.suspended],
    [texts.operators, users.operators],
    [texts.waiting, emails.waiting],
    [texts.deadLetters, emails.dead_letters],
  ] as const;
  return (
    <div aria-busy={isBusy}>
      <dl class="figures">
        {figures.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value === null ? words.shell.none : numberOf(value)}</dd>
          </div>
        ))}
      </dl>
      <Charts history={history} />
      <Panel title={words.views.keys}>
        <Table
          caption={words.views.keys}
          columns={keyColumns(false)}
          items={keys.map((key) => ({ ...key, id: key.kid }))}
        />
      </Panel>
      <Panel title={texts.service}>
        <Facts
          facts={[
            [texts.version, version],
            [
              texts.environment,
              <Badge key="environment" kind={environment === "production" ? "good" : "plain"}>
                {environment}
              </Badge>,
            ],
            [texts.generated, <Time key="generated" time={generated_at} />],
          ]}
        />
      </Panel>
    </div>
  );
}

function Charts({ history: { unit, points } }: Pick<Overview, "history">) {
  const { charts } = words.overview;
  const nameOf = (at: string) => (unit === "day" ? dayOf(at) : hourOf(at));
  const kinds: [title: string, countsOf: (point: Point) => Record<string, number>][] = [
    [charts.logins, ({ logins }) => ({ [charts.count]: logins })],
    [charts.failures, ({ login_failures }) => login_failures],
    [charts.users, ({ users_created }) => ({ [charts.count]: users_created })],
    [charts.sessions, ({ sessions_opened }) => ({ [charts.count]: sessions_opened })],
    [charts.limits, ({ limits_hit }) => limits_hit],
    [charts.emails, ({ emails }) => emails],
  ];
  return (
    <div class="charts">
      {kinds.map(([title, countsOf]) => (
        <Chart
          key={title}
          title={title}
          unit={fill(charts.per, { unit: charts.units[unit] })}
          points={points.map((point) => ({ name: nameOf(point.at), counts: countsOf(point) }))}
        />
      ))}
    </div>
  );
}
