/**
 * Calls `use` with the promise of an RPC stub, and disposes of the stub afterwards. Until this, the platform keeps the
 * object of the stub in memory. The platform's types don't declare that the promise is disposable.
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
