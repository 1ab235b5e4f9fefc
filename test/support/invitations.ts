import { createId } from "../../src/platform/random.ts";
import { newPerson } from "./people.ts";
import { coldIsolate, NOTHING_FOLLOWS } from "./services.ts";

/** Stores an open invitation without sending its email. `age` is in milliseconds. Returns its id. */
export async function openInvitation(invitedBy: string, email = newPerson().email, age = 0): Promise<string> {
  const { clock, invitations, random } = coldIsolate();
  const createdAt = clock.now() - age;
  const id = createId(createdAt, random);
  const invitation = { id, email, locale: "en", invitedBy, createdAt, expiresAt: createdAt + 86_400_000 };
  await invitations.add(invitation, NOTHING_FOLLOWS);
  return id;
}
