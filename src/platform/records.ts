/** Records whose names the compiler knows. */

/** The keys of a record, as `Object.keys` returns them, but typed. */
export function namesOf<Name extends string>(record: Readonly<Record<Name, unknown>>): Name[] {
  return Object.keys(record) as Name[];
}

/** A record with one value for each name. */
export function recordOf<Name extends string, Value>(
  names: readonly Name[],
  make: (name: Name) => Value,
): Record<Name, Value> {
  return Object.fromEntries(names.map((name) => [name, make(name)])) as Record<Name, Value>;
}

/** Creates an object whose members are created on first read and then kept. A factory may read other members. */
export function lazily<Members extends object>(
  factories: { [Name in keyof Members]: (members: Members) => Members[Name] },
): Members {
  const members = {} as Members;
  for (const name of Object.keys(factories) as (keyof Members)[]) {
    Object.defineProperty(members, name, {
      configurable: true,
      enumerable: true,
      get() {
        const value = factories[name](members);
        Object.defineProperty(members, name, { value, enumerable: true });
        return value;
      },
    });
  }
  return members;
}
