import type { Test } from 'tap'

/**
 * A folder of the test's own that is removed after what was opened in it is closed. Tap removes `t.testdir()` before the
 * teardowns when it was made before the first of them, and a store that still writes there then fails the test.
 */
export function testFolder(t: Test): string {
  t.teardown(() => {})
  return t.testdir()
}
