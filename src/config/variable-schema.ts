import { z } from 'zod';

/** Names that an environment variable can have in every shell. */
export const variablePattern = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** The name of an environment variable that holds a secret; settings of this kind end in `_env`. */
export const variableName = z.string().regex(variablePattern, 'not the name of an environment variable');
