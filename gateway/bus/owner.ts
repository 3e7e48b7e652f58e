import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'

/** Names this process so that its successor on the same host can tell whether it is gone: host, boot, pid, start tick. */
export function processOwner(): string {
  return [hostname(), bootId(), process.pid, startTick(process.pid) ?? '0'].join('/')
}

/** True only when the owner surely no longer runs; an owner on another host is left to its lease. */
export function isOwnerGone(owner: string): boolean {
  const [host, boot, pid, tick] = owner.split('/')
  if (host !== hostname()) return false
  if (boot !== bootId()) return true
  return startTick(Number(pid)) !== tick
}

/** Field 22 of /proc/<pid>/stat (proc(5)): clock ticks since boot when the process started; survives no pid reuse. */
function startTick(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined // no such process, or no /proc: then leases run out by themselves
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return 'unknown-boot'
  }
}
