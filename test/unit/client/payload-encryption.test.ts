import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dataConverterOf, EncryptionCodec } from '../../../src/client/payload-encryption';

const keyVariable = 'ENCRYPTION_TEST_KEY';
afterEach(() => {
  Reflect.deleteProperty(process.env, keyVariable);
});

describe('the codec', () => {
  const payload = { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('"secret"') };

  test('gives back what it was given, and differs each time', async () => {
    const codec = new EncryptionCodec(randomBytes(32));
    const sealed = await codec.encode([payload, payload]);
    expect(Buffer.from(sealed[0]?.data ?? []).includes('secret')).toBe(false);
    expect(sealed[0]?.data).not.toEqual(sealed[1]?.data);
    const [opened] = await codec.decode(sealed);
    expect(Buffer.from(opened?.data ?? []).toString()).toBe('"secret"');
    // What was written before there was a key.
    expect(await codec.decode([payload])).toEqual([payload]);
  });

  test('refuses another key, and what was changed', async () => {
    const codec = new EncryptionCodec(randomBytes(32));
    const sealed = await codec.encode([payload]);
    await expect(async () => new EncryptionCodec(randomBytes(32)).decode(sealed)).rejects.toThrow(
      'another key',
    );
    const changed = { ...sealed[0], data: Buffer.from(sealed[0]?.data ?? []) };
    changed.data[20] = (changed.data[20] ?? 0) ^ 1;
    await expect(async () => codec.decode([changed])).rejects.toThrow();
  });

  test.each([
    ['', 'is not set'],
    ['short', 'holds no key of 32 bytes'],
    ['/nowhere/key', "can't be read"],
  ])('a variable with %j is refused', async (value, words) => {
    process.env[keyVariable] = value;
    await expect(dataConverterOf({ encryptionKeyEnv: keyVariable })).rejects.toThrow(words);
  });
});

test('a file can hold the key', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'perdure-key-'));
  try {
    const path = join(directory, 'key');
    writeFileSync(path, `${randomBytes(32).toString('base64')}\n`);
    process.env[keyVariable] = path;
    expect((await dataConverterOf({ encryptionKeyEnv: keyVariable }))?.payloadCodecs).toHaveLength(1);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
