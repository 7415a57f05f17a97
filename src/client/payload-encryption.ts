import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { DataConverter, Payload, PayloadCodec } from '@temporalio/common';
import { temporal } from '@temporalio/proto';
import type { Settings } from '../config/settings';
import { PerdureError } from '../study/error';

const encoding = 'binary/encrypted';
const cipher = 'aes-256-gcm';
const [ivLength, tagLength, keyLength] = [12, 16, 32];
const PayloadMessage = temporal.api.common.v1.Payload;

/**
 * How payloads are written to Temporal: encrypted, where the settings name a key.
 * @throws {@link PerdureError} `InvalidInput` for a variable that is not set, or holds no key
 */
export async function dataConverterOf({
  encryptionKeyEnv,
}: Pick<Settings, 'encryptionKeyEnv'>): Promise<DataConverter | undefined> {
  if (encryptionKeyEnv === undefined) return undefined;
  const key = await readKey(encryptionKeyEnv, process.env[encryptionKeyEnv] ?? '');
  return { payloadCodecs: [new EncryptionCodec(key)] };
}

/** @returns `true` if one of the payloads was encrypted with another key than that of `codecs`, or there is no codec for it */
export function hasAnotherKey(payloads: readonly Payload[], codecs: readonly PayloadCodec[]): boolean {
  const sealed = payloads.filter(isEncrypted);
  if (sealed.length === 0) return false;
  const codec = codecs.find((one) => one instanceof EncryptionCodec);
  return codec === undefined || sealed.some((payload) => !codec.hasKeyOf(payload));
}

/**
 * AES-256-GCM with a random nonce for each payload. What was written without encryption is read as it is, so that a key can be
 * given to an installation that has histories.
 */
export class EncryptionCodec implements PayloadCodec {
  /** Tells keys apart, and is no help to find one. */
  private readonly keyId: string;

  constructor(private readonly key: Buffer) {
    this.keyId = createHash('sha256').update('perdure key id').update(key).digest('hex').slice(0, 16);
  }

  encode(payloads: Payload[]): Promise<Payload[]> {
    return Promise.resolve(payloads.map((payload) => this.encrypted(payload)));
  }

  decode(payloads: Payload[]): Promise<Payload[]> {
    return Promise.resolve(payloads.map((payload) => this.decrypted(payload)));
  }

  hasKeyOf(payload: Payload): boolean {
    return textOf(payload.metadata?.['key-id']) === this.keyId;
  }

  private encrypted(payload: Payload): Payload {
    const iv = randomBytes(ivLength);
    const sealing = createCipheriv(cipher, this.key, iv);
    const plain = PayloadMessage.encode(payload).finish();
    const data = Buffer.concat([iv, sealing.update(plain), sealing.final(), sealing.getAuthTag()]);
    return { metadata: { encoding: Buffer.from(encoding), 'key-id': Buffer.from(this.keyId) }, data };
  }

  private decrypted(payload: Payload): Payload {
    if (!isEncrypted(payload)) return payload;
    if (!this.hasKeyOf(payload)) {
      throw new PerdureError('InvalidInput', 'this was encrypted with another key', {
        where: 'temporal.encryption_key_env',
        hint: 'use the key that the study was started with',
      });
    }
    const bytes = Buffer.from(payload.data ?? []);
    const opening = createDecipheriv(cipher, this.key, bytes.subarray(0, ivLength));
    opening.setAuthTag(bytes.subarray(-tagLength));
    const sealed = bytes.subarray(ivLength, -tagLength);
    return PayloadMessage.decode(Buffer.concat([opening.update(sealed), opening.final()]));
  }
}

function isEncrypted({ metadata }: Payload): boolean {
  return textOf(metadata?.['encoding']) === encoding;
}

function textOf(bytes: Uint8Array | null | undefined): string {
  return Buffer.from(bytes ?? []).toString('utf8');
}

async function readKey(variable: string, value: string): Promise<Buffer> {
  const refuse = (what: string): PerdureError =>
    new PerdureError('InvalidInput', what, {
      where: 'temporal.encryption_key_env',
      hint: `export ${variable}=$(openssl rand -hex 32), the same for every worker and command`,
    });
  if (value === '') throw refuse(`the environment variable '${variable}' is not set`);
  const text = value.startsWith('/')
    ? await readFile(value, 'utf8').catch(() => {
        throw refuse(`the file that '${variable}' names can't be read`);
      })
    : value;
  const trimmed = text.trim();
  const key = Buffer.from(trimmed, /^[0-9a-fA-F]{64}$/.test(trimmed) ? 'hex' : 'base64');
  if (key.length === keyLength) return key;
  throw refuse(`'${variable}' holds no key of 32 bytes`);
}
