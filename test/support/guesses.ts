/** Wrong guesses at the password of an account. */
import { appWith, freshAddress, post, type Send } from "./client.ts";

export type Name = { email: string } | { username: string };

/** The service with a limit that allows many guesses without a pause. */
export const hurried = appWith({ RATE_LIMITS: "loginPerAccount=100/1s" });

export const guess = (name: Name, address = freshAddress(), send?: Send) =>
  post("/api/v1/auth/login", { ...name, password: "a wrong password, surely" }, { address }, send);
