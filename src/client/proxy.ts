import { readFileSync } from 'node:fs';
import { BlockList, isIP } from 'node:net';
import { rootCertificates } from 'node:tls';
import type { NativeConnectionOptions } from '@temporalio/worker';
import { PerdureError } from '../study/error';

/** An HTTP proxy that connects to Temporal by the CONNECT method. */
export interface HttpProxy {
  /** `host:port`. */
  readonly address: string;
  readonly username: string;
  readonly password: string;
}

const proxyVariables = ['grpc_proxy', 'https_proxy', 'http_proxy'];

/**
 * The proxy for a server, by the rules of `@grpc/grpc-js`, which the client uses: the first of `grpc_proxy`, `https_proxy` and
 * `http_proxy` that is set, unless `no_grpc_proxy` or `no_proxy` lists the host. A server on loopback is never reached through a proxy.
 * @param address `host:port`
 * @returns `null` for a direct connection
 * @throws {@link PerdureError} `InvalidInput` for an invalid address of the proxy
 */
export function proxyOf(address: string, env: NodeJS.ProcessEnv): HttpProxy | null {
  const host = hostOf(address);
  const name = proxyVariables.find((variable) => (env[variable] ?? '') !== '');
  if (name === undefined || isLoopback(host) || isExempt(host, env)) return null;
  const text = env[name] ?? '';
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol !== 'http:') {
    // The message does not show the value, which may hold a password.
    throw new PerdureError('InvalidInput', 'the address of the proxy for the Temporal server is not valid', {
      where: name,
      hint: `write ${name}=http://HOST:PORT, or exempt the server: no_proxy=${host}`,
    });
  }
  return {
    address: `${url.hostname}:${url.port === '' ? '80' : url.port}`,
    username: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
  };
}

function hostOf(address: string): string {
  return address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function isExempt(host: string, env: NodeJS.ProcessEnv): boolean {
  const list = (env['no_grpc_proxy'] ?? '') === '' ? env['no_proxy'] : env['no_grpc_proxy'];
  if (list === undefined || list === '') return false;
  return list.split(',').some((entry) => {
    const [, network = '', bits = ''] = /^([\d.]+)\/(\d{1,2})$/.exec(entry) ?? [];
    if (isIP(host) !== 4 || isIP(network) !== 4 || Number(bits) > 32) return host.endsWith(entry);
    const block = new BlockList();
    block.addSubnet(network, Number(bits));
    return block.check(host);
  });
}

/** Options of the client's connection, so that it uses the same proxy as the worker's. */
export function clientProxyOptions(
  address: string,
  env = process.env,
): { readonly channelArgs: Readonly<Record<string, number>> } {
  return { channelArgs: { 'grpc.enable_http_proxy': proxyOf(address, env) === null ? 0 : 1 } };
}

/**
 * Options of the worker's connection. Its Rust core reads neither proxies nor `NODE_EXTRA_CA_CERTS` from the environment.
 * @throws {@link PerdureError} `InvalidInput` for an invalid proxy, or a file of certificates that can't be read
 */
export function workerConnectionOptions<
  Options extends Pick<NativeConnectionOptions, 'tls' | 'apiKey'> & { readonly address: string },
>(
  options: Options,
  env: NodeJS.ProcessEnv = process.env,
): Options & Pick<NativeConnectionOptions, 'proxy' | 'tls'> {
  const proxy = proxyOf(options.address, env);
  return {
    ...options,
    ...certificates(options, env),
    ...(proxy === null
      ? {}
      : {
          proxy: {
            type: 'http-connect',
            targetHost: proxy.address,
            ...(proxy.username === ''
              ? {}
              : { basicAuth: { username: proxy.username, password: proxy.password } }),
          } as const,
        }),
  };
}

/** Node's root certificates and those of `NODE_EXTRA_CA_CERTS`, unless the settings name certificates. */
function certificates(
  { tls, apiKey }: Pick<NativeConnectionOptions, 'tls' | 'apiKey'>,
  env: NodeJS.ProcessEnv,
): Pick<NativeConnectionOptions, 'tls'> {
  const file = env['NODE_EXTRA_CA_CERTS'] ?? '';
  const wanted = tls ?? (apiKey === undefined ? false : {});
  if (file === '' || wanted === false) return {};
  const given = wanted === true ? {} : wanted;
  if (given.serverRootCACertificate !== undefined) return {};
  try {
    const roots = [...rootCertificates, readFileSync(file, 'utf8')].join('\n');
    return { tls: { ...given, serverRootCACertificate: Buffer.from(roots) } };
  } catch (cause) {
    throw new PerdureError('InvalidInput', "the certificates of Temporal's server can't be read", {
      where: `NODE_EXTRA_CA_CERTS=${file}`,
      cause,
    });
  }
}
