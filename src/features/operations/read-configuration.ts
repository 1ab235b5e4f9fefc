import * as z from "zod";
import { operator } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";

const settingSchema = z
  .strictObject({
    name: z.string(),
    value: z
      .string()
      .nullable()
      .meta({ description: "In the form that the variable takes. `null` for a secret, or if there is no value." }),
    is_secret: z.boolean(),
    is_set: z.boolean().meta({ description: "Whether the environment sets it." }),
    is_default: z.boolean(),
  })
  .meta({ id: "Setting" });

export const readConfiguration = endpoint(
  {
    id: "readConfiguration",
    method: "get",
    path: "/api/v1/configuration",
    tag: "Administration",
    summary: "Read the configuration",
    description: "Every variable, with its current value. For a secret, only whether it is set.",
    caller: operator("read_configuration"),
    success: {
      status: 200,
      description: "The variables.",
      schema: z.strictObject({ items: z.array(settingSchema) }).meta({ id: "Configuration" }),
    },
  },
  async ({ config }) => ({
    items: config.settings.map(({ name, value, isSecret, isSet }) => ({
      ...{ name, value },
      ...{ is_secret: isSecret, is_set: isSet, is_default: !isSet },
    })),
  }),
);
