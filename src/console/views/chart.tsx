/**
 * A small bar chart. A dialog shows the same numbers as a table, for operators who can't see the chart or want exact
 * numbers.
 */
import { useId, useState } from "preact/hooks";
import { Button } from "../controls.tsx";
import { Table } from "../tables.tsx";
import { fill, numberOf, words } from "../words.ts";
import { Dialog } from "./dialog.tsx";

export interface Point {
  /** The time, as the operator sees it. */
  name: string;
  /** The number of events of each kind. The bar shows the sum. */
  counts: Record<string, number>;
}

const [WIDTH, HEIGHT, GAP] = [320, 88, 0.25];

const sumOf = (counts: Record<string, number>) => Object.values(counts).reduce((sum, count) => sum + count, 0);

export function Chart({ title, unit, points }: { title: string; unit: string; points: readonly Point[] }) {
  const id = useId();
  const [isTableOpen, setTableOpen] = useState(false);
  const { charts } = words.overview;
  const sums = points.map(({ counts }) => sumOf(counts));
  const total = sums.reduce((sum, count) => sum + count, 0);
  const most = Math.max(0, ...sums);
  const step = WIDTH / Math.max(1, points.length);
  const kinds = [...new Set(points.flatMap(({ counts }) => Object.keys(counts)))].sort();
  const summary = fill(charts.summary, { title, total: numberOf(total), most: numberOf(most) });
  return (
    <figure class="panel chart" aria-labelledby={id}>
      <figcaption id={id}>
        <strong>{title}</strong>
        <span class="quiet">{unit}</span>
        <span class="chart-total">{numberOf(total)}</span>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={summary}>
        <path class="chart-line" d={`M0 ${HEIGHT - 0.5}H${WIDTH}`} />
        {sums.map((sum, index) => {
          const height = most === 0 ? 0 : Math.max(sum === 0 ? 0 : 2, (sum / most) * (HEIGHT - 4));
          const name = points[index]?.name ?? "";
          return (
            <rect
              key={name}
              x={index * step + (step * GAP) / 2}
              y={HEIGHT - height}
              width={step * (1 - GAP)}
              height={height}
            >
              <title>{`${name}: ${numberOf(sum)}`}</title>
            </rect>
          );
        })}
      </svg>
      <p class="chart-ends quiet" aria-hidden="true">
        <span>{points[0]?.name}</span>
        <span>{points.at(-1)?.name}</span>
      </p>
      <button type="button" class="plain" aria-describedby={id} onClick={() => setTableOpen(true)}>
        {charts.asTable}
      </button>
      {isTableOpen && (
        <Dialog title={title} look="numbers" onClose={() => setTableOpen(false)}>
          {(close) => (
            <>
              <Table
                isGrid
                caption={title}
                columns={[
                  { title: charts.time, cell: ({ name }: Point) => name },
                  ...kinds.map((kind) => ({ title: kind, cell: ({ counts }: Point) => numberOf(counts[kind] ?? 0) })),
                ]}
                items={points.map((point) => ({ ...point, id: point.name }))}
              />
              <div class="dialog-acts">
                <Button onClick={close}>{words.shell.close}</Button>
              </div>
            </>
          )}
        </Dialog>
      )}
    </figure>
  );
}
