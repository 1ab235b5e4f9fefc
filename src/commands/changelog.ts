/** Reads CHANGELOG.md (Keep a Changelog): `## Unreleased`, then versions with headings like `## 0.2.0 - 2026-11-28`. */

const UNRELEASED = "## Unreleased\n";
const RELEASED = /^## (\d\S*) - \d{4}-\d\d-\d\d$/m;

/** The latest released version: the first heading with a date. */
export function newestRelease(changelog: string): string | undefined {
  return RELEASED.exec(changelog)?.[1];
}

/** The section of a released version, without the heading. */
export function releaseNotes(changelog: string, version: string): string | undefined {
  const section = sectionsOf(changelog).find(({ heading }) => RELEASED.exec(heading)?.[1] === version);
  return section && `${section.text.trim()}\n`;
}

/** Returns the changelog with the unreleased changes under this version and date; `undefined` if there are none. */
export function withRelease(changelog: string, version: string, date: string): string | undefined {
  const section = sectionsOf(changelog).find(({ heading }) => heading === UNRELEASED.trim());
  if (section === undefined || section.text.trim() === "") return undefined;
  return changelog.replace(UNRELEASED, `${UNRELEASED}\n## ${version} - ${date}\n`);
}

function sectionsOf(changelog: string) {
  return changelog
    .split(/^(?=## )/m)
    .slice(1)
    .map((section) => {
      const [heading = "", ...lines] = section.split("\n");
      return { heading, text: lines.join("\n") };
    });
}
