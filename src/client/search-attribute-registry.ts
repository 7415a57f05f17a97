import { temporal } from '@temporalio/proto';
import type { Client } from '@temporalio/client';
import { searchAttributes } from '../study/search-attributes';
import { messageOf, PerdureError } from '../study/error';

const types = {
  KEYWORD: temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
  INT: temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_INT,
  DOUBLE: temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_DOUBLE,
} as const;

/**
 * Registers the search attributes that the namespace does not have.
 * @returns the names of those that were missing
 * @throws {@link PerdureError} `Unavailable` where the server refuses, as Temporal Cloud does: there they are added by hand
 */
export async function registerSearchAttributes(client: Client): Promise<readonly string[]> {
  const { namespace } = client.options;
  const { operatorService } = client.connection;
  try {
    const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
    const missing = Object.values(searchAttributes).filter(({ name }) => !(name in customAttributes));
    if (missing.length === 0) return [];
    await operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map(({ name, type }) => [name, types[type]])),
    });
    return missing.map(({ name }) => name);
  } catch (cause) {
    const wanted = Object.values(searchAttributes).map(({ name, type }) => `${name} (${type.toLowerCase()})`);
    throw new PerdureError(
      'Unavailable',
      `the search attributes could not be registered: ${messageOf(cause)}`,
      {
        hint: `add them to the namespace by hand: ${wanted.join(', ')}`,
        cause,
      },
    );
  }
}
