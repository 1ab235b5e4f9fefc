/** What only the operator can do after a deployment. */
import { existsSync } from "node:fs";
import { relative } from "node:path";
import { authSecretPath } from "./deployed-secrets.ts";
import { PRODUCTION } from "./environments.ts";
import { queryDatabase } from "./migrations.ts";
import type { Values } from "./questions.ts";
import type { Setting } from "./setting.ts";

const HAS_SUPERUSER = "SELECT id FROM users WHERE is_superuser = 1 LIMIT 1";

/**
 * Prints what is left to do. After the first deployment, prints the whole list. Later, prints only the steps that the
 * command itself finds undone.
 */
export async function sayWhatIsLeft(setting: Setting, databaseId: string, values: Values, isFirst: boolean) {
  const { environment, world } = setting;
  const [superuser] = await queryDatabase(setting, databaseId, HAS_SUPERUSER);
  const secretPath = authSecretPath(setting);
  const left = [
    ...(existsSync(secretPath)
      ? [
          `Copy the AUTH_SECRET in ${relative(world.root, secretPath)} to your password manager, then delete the file. npm run secret:rotate asks for this secret.`,
        ]
      : []),
    ...(superuser === undefined ? [firstSuperuser(environment, values)] : []),
    ...(isFirst ? afterFirst(values) : []),
  ];
  const list = left.map((text, index) => `  ${index + 1}. ${text}\n`).join("");
  world.say(left.length === 0 ? "\nNothing is left to do.\n" : `\nLeft to do:\n${list}`);
}

function firstSuperuser(environment: string, { FIRST_SUPERUSER_EMAIL: email }: Values): string {
  if (email)
    return `Make ${email} the first superuser: within two minutes a line first_superuser_link in the Worker's log has the link.`;
  return `Make the first superuser: npm run admin:create -- --remote${environment === PRODUCTION ? "" : ` --env ${environment}`}`;
}

function afterFirst({ MAIL_FROM = "", ALLOWED_ORIGINS }: Values): string[] {
  const [, domain = "your domain"] = /@([^>\s]+)/.exec(MAIL_FROM) ?? [];
  return [
    `Let receivers recognize your emails: add the SPF, DKIM and DMARC records that your mail service names to the DNS of ${domain}.`,
    ...(ALLOWED_ORIGINS
      ? []
      : [
          "If a browser app on another origin uses Postern, set ALLOWED_ORIGINS under [vars] and run this command again.",
        ]),
    "Set up alerts: docs/watch.md says on what.",
  ];
}
