import { z } from 'zod';
import { settingsSchema } from './settings-schema';
import { studySchema } from './study-schema';

/** JSON Schemas of the files that people write, by file name, for editors. */
export function jsonSchemas(): Readonly<Record<string, object>> {
  return {
    'study.schema.json': z.toJSONSchema(studySchema, { io: 'input' }),
    'settings.schema.json': z.toJSONSchema(settingsSchema, { io: 'input' }),
  };
}
