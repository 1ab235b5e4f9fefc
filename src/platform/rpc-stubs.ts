/**
 * Calls `use` with the promise of an RPC stub, and then disposes of the stub. Without this, the platform would keep the
 * stub's object in memory. The platform's types don't declare that the promise is disposable.
 */
export async function disposing<Stub extends object, Result>(
  stub: Stub,
  use: (stub: Stub) => Promise<Result>,
): Promise<Result> {
  try {
    return await use(stub);
  } finally {
    (stub as object as Disposable)[Symbol.dispose]();
  }
}
