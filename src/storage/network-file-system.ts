import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';

/** File systems on which SQLite's locks and its write-ahead log do not hold (sqlite.org/wal.html, sqlite.org/faq.html#q5). */
const shared =
  /^(nfs\d*|cifs|smb\d*|lustre|gpfs|beegfs|afs|ceph|glusterfs|9p|orangefs|pvfs2|fuse\.(sshfs|glusterfs|ceph.*|s3fs|gcsfuse|rclone))$/;

/** The kind of network file system that a path lies on, or `null`. Known on Linux only. */
export function networkFileSystem(path: string, mounts = readMounts()): string | null {
  let existing = path;
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  const real = realpathSync(existing);
  let best = { point: '', type: '' };
  for (const line of mounts.split('\n')) {
    const [, point = '', type = ''] = line.split(' ');
    const decoded = point.replace(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(parseInt(octal, 8)),
    );
    const inside = real === decoded || real.startsWith(decoded.endsWith('/') ? decoded : `${decoded}/`);
    if (inside && decoded.length >= best.point.length) best = { point: decoded, type };
  }
  return shared.test(best.type) ? best.type : null;
}

function readMounts(): string {
  return existsSync('/proc/self/mounts') ? readFileSync('/proc/self/mounts', 'utf8') : '';
}
