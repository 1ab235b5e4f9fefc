/** The columns of a list of signing keys. */
import type { SigningKey } from "../api.ts";
import { Badge, Time } from "../parts.tsx";
import type { Column } from "../tables.tsx";
import { words } from "../words.ts";

const KINDS = { next: "plain", signing: "good", published: "plain", revoked: "bad" } as const;

/** `isWhole`: whether to include the algorithm and the end of the publication. */
export function keyColumns(isWhole: boolean): Column<SigningKey & { id: string }>[] {
  const { keys } = words;
  const columns: Column<SigningKey & { id: string }>[] = [
    { title: keys.kid, cell: ({ kid }) => <code>{kid}</code> },
    { title: keys.state, isPlain: true, cell: ({ state }) => <Badge kind={KINDS[state]}>{keys.states[state]}</Badge> },
    { title: keys.signsFrom, isWide: true, cell: ({ signs_from }) => <Time time={signs_from} /> },
    { title: keys.rotatesAt, isWide: true, cell: ({ rotates_at }) => <Time time={rotates_at} /> },
  ];
  if (!isWhole) return columns;
  return [
    ...columns,
    { title: keys.algorithm, isWide: true, cell: ({ algorithm }) => algorithm },
    {
      title: keys.publishedUntil,
      isWide: true,
      cell: ({ published_until }) => (published_until === null ? words.shell.none : <Time time={published_until} />),
    },
  ];
}
