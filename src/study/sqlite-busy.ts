/** Whether an error of `node:sqlite` says that another process holds the lock: the lower byte of its code is SQLITE_BUSY. */
export function isSqliteBusy(error: unknown): boolean {
  return ((error as { readonly errcode?: number }).errcode ?? 0) % 256 === 5;
}
