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

/**
 * Makes objects whose members are created when they are first read, and then kept. A member that is never read costs
 * nothing. A factory may read other members. It also gets `given`, the value that was passed when the object was made.
 * Don't spread such an object, because a spread copies only members that were read before. Use {@link extend} instead.
 */
export function lazily<Members extends object, Given = undefined>(
  factories: {
    [Name in keyof Members]: (members: Members, given: Given) => Members[Name];
  },
): (given: Given) => Members {
  const GIVEN = Symbol("given");
  const prototype = {};
  for (const name of Object.keys(factories) as (keyof Members)[]) {
    Object.defineProperty(prototype, name, {
      get(this: Members & { [GIVEN]: Given }) {
        const value = factories[name](this, this[GIVEN]);
        Object.defineProperty(this, name, { value, enumerable: true });
        return value;
      },
    });
  }
  return (given) => Object.create(prototype, { [GIVEN]: { value: given } }) as Members;
}

/**
 * Returns an object that inherits from `members`. The members in `more` are added, or replace inherited ones. Factories
 * that run for the new object use `more` too.
 */
export function extend<Members extends object, More extends object>(members: Members, more: More): Members & More {
  return Object.create(members, Object.getOwnPropertyDescriptors(more)) as Members & More;
}
