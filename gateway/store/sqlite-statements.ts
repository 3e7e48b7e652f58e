import type { DeliveryState } from '../bus/delivery-state.ts'
import type { DeliveryFilter } from '../bus/intervention.ts'

/** What a delivery row is read by. */
export const deliveryColumns = `d.id, d.revision, d.system, d.subject, d.route, d.position, d.state, d.reason, d.due_at_ms, d.settled_at_ms,
  d.created_at_ms, d.first_attempt_at_ms, d.stopped_at_first_ms, d.doubt_since_ms, d.lease, d.attempts`

const messageColumns = `m.sequence, m.id, m.type, m.source, m.subject, m.accepted_at_ms, m.correlation_id, m.causation_id,
  m.idempotency_key, m.body, m.body_digest`

/** Every statement on the path of a message. A test reads each one's query plan and fails on a scan. */
export const writes = {
  // Accept
  messageByKey: 'SELECT id, receipt, type, body_digest FROM messages WHERE source = ? AND idempotency_key = ?',
  statementOf: 'SELECT source, message_id FROM statements WHERE digest = ? AND until_ms > ?',
  insertStatement: `INSERT INTO statements (digest, source, message_id, until_ms) VALUES (?, ?, ?, ?)
    ON CONFLICT (digest) DO UPDATE SET source = excluded.source, message_id = excluded.message_id,
      until_ms = excluded.until_ms`,
  // More than one for each that comes, so that they never pile up, and few, so that no acceptance waits for a clearance.
  removeStatements: `DELETE FROM statements WHERE digest IN
    (SELECT digest FROM statements WHERE until_ms <= ? ORDER BY until_ms LIMIT 4)`,
  latestOfScope: `SELECT id, receipt, scope_digest FROM messages
    WHERE source = ? AND scope = ? ORDER BY sequence DESC LIMIT ?`,
  subjectOfAlias: 'SELECT subject FROM aliases WHERE alias = ?',
  insertAlias: 'INSERT INTO aliases (alias, subject) VALUES (?, ?) ON CONFLICT DO NOTHING',
  pointAlias: `INSERT INTO aliases (alias, subject) VALUES (?, ?) ON CONFLICT DO UPDATE SET subject = excluded.subject`,
  unitsOf: 'SELECT units FROM dossiers WHERE subject = ?',
  putUnits: `INSERT INTO dossiers (subject, units) VALUES (?, ?) ON CONFLICT DO UPDATE SET units = excluded.units`,
  insertMessage: `INSERT INTO messages (id, type, source, subject, accepted_at_ms, correlation_id, causation_id, idempotency_key,
    scope, scope_digest, body, body_digest, receipt, original, original_media_type, original_digest, verified_by)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  takePosition: `INSERT INTO lanes (system, subject, next_position) VALUES (?, ?, 2)
    ON CONFLICT DO UPDATE SET next_position = next_position + 1 RETURNING next_position - 1 AS position`,
  laneHead: `SELECT id, state FROM deliveries WHERE system = ? AND subject = ? AND blocks = 1 ORDER BY position LIMIT 1`,
  insertDelivery: `INSERT INTO deliveries (id, message_sequence, message_type, source, system, subject, route, position, state,
    blocks, due_at_ms, created_at_ms, settled_at_ms, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,

  // Claim
  // A process settles its own attempts, however its wall clock jumps; only others' leases can run out.
  expiredLeases: `SELECT id, system, subject, attempts, claimed_at_ms FROM deliveries
    WHERE state = 'leased' AND due_at_ms < ? AND owner <> ?`,
  leasesOf: `SELECT id, system, subject, attempts, claimed_at_ms FROM deliveries WHERE state = 'leased' AND owner = ?`,
  owners: `SELECT DISTINCT owner FROM deliveries WHERE state = 'leased'`,
  endLease: `UPDATE deliveries SET state = 'waiting', due_at_ms = ?, owner = NULL, revision = revision + 1 WHERE id = ?`,
  dueDeliveries: `SELECT ${deliveryColumns}, l.memory, ${messageColumns
    .replace('m.id', 'm.id AS message_id')
    .replace('m.subject', 'm.subject AS message_subject')}
    FROM deliveries d JOIN messages m ON m.sequence = d.message_sequence
    JOIN lanes l ON l.system = d.system AND l.subject = d.subject
    WHERE d.system = ? AND d.state = 'waiting' AND d.due_at_ms <= ? ORDER BY d.due_at_ms LIMIT ?`,
  lease: `UPDATE deliveries SET state = 'leased', lease = lease + 1, revision = revision + 1, owner = ?, due_at_ms = ?, claimed_at_ms = ?,
    attempts = attempts + 1, first_attempt_at_ms = COALESCE(first_attempt_at_ms, ?),
    stopped_at_first_ms = COALESCE(stopped_at_first_ms, ?),
    doubt_since_ms = COALESCE(doubt_since_ms, ?) WHERE id = ?`,
  bringForward: `UPDATE deliveries SET due_at_ms = MAX(?, due_at_ms - ?)
    WHERE system = ? AND state = 'waiting' AND due_at_ms > ?`,
  nextDue: `SELECT due_at_ms FROM deliveries WHERE system = ? AND state = 'waiting' ORDER BY due_at_ms LIMIT 1`,

  // Settle
  leasedDelivery: `SELECT id, system, subject FROM deliveries WHERE id = ? AND lease = ? AND state = 'leased'`,
  moveDelivery: `UPDATE deliveries SET state = ?, blocks = ?, due_at_ms = ?, doubt_since_ms = ?, settled_at_ms = ?, reason = ?,
    waits_for = ?, owner = NULL, revision = revision + 1 WHERE id = ?`,
  insertAttempt: `INSERT INTO attempts (delivery_id, number, started_at_ms, ended_at_ms, outcome, code, cause, sent_digest,
    answer_digest, answer_code) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  remember: 'UPDATE lanes SET memory = ? WHERE system = ? AND subject = ?',
  laneInOrder: `SELECT id, state FROM deliveries WHERE system = ? AND subject = ? AND blocks = 1 ORDER BY position`,
  // A person put another before it: what it waits for now is none of its age (design, "Retry clock").
  reblock: `UPDATE deliveries SET state = 'blocked', due_at_ms = NULL, first_attempt_at_ms = NULL, stopped_at_first_ms = NULL
    WHERE id = ? AND state = 'waiting'`,
  unblock: `UPDATE deliveries SET state = 'waiting', due_at_ms = ? WHERE id = ? AND state = 'blocked'`,

  // Holds that end by themselves
  awaiting: `SELECT id, system, subject FROM deliveries WHERE waits_for = ? AND state = 'held'`,

  // Processes
  processVersion: 'SELECT version FROM processes WHERE process = ? AND instance = ?',
  putProcess: `INSERT INTO processes (process, instance, version, status, state, reason, updated_at_ms)
    VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET version = excluded.version, status = excluded.status,
    state = excluded.state, reason = excluded.reason, updated_at_ms = excluded.updated_at_ms`,
  putTimer: `INSERT INTO timers (process, instance, name, due_at_ms) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET due_at_ms = excluded.due_at_ms`,
  removeTimer: 'DELETE FROM timers WHERE process = ? AND instance = ? AND name = ?',
  removeTimers: 'DELETE FROM timers WHERE process = ? AND instance = ?',
  keepDocument: `INSERT INTO sent_documents (delivery_id, document) VALUES (?, ?)
    ON CONFLICT DO UPDATE SET document = excluded.document`,

  // People
  deliveryById: `SELECT ${deliveryColumns}, d.blocks FROM deliveries d WHERE d.id = ?`,
  overtakenBy: `SELECT 1 AS found FROM deliveries WHERE system = ? AND subject = ? AND position > ? AND state <> 'discarded'
    AND (state = 'delivered' OR attempts > 0) LIMIT 1`,
  // The age that makes a delivery dead starts anew when a person takes it up again.
  intervene: `UPDATE deliveries SET state = ?, blocks = ?, due_at_ms = NULL, settled_at_ms = ?, reason = ?, waits_for = NULL,
    first_attempt_at_ms = NULL, stopped_at_first_ms = NULL, revision = revision + 1 WHERE id = ?`,
  insertIntervention: 'INSERT INTO interventions (at_ms, actor, kind, target, note, bulk_id) VALUES (?, ?, ?, ?, ?, ?)',
  supersededDelivery: `SELECT d.id, d.subject, d.position FROM deliveries d JOIN messages m ON m.sequence = d.message_sequence
    WHERE m.id = ? AND d.system = ? AND d.state IN ('waiting', 'blocked', 'held', 'dead')`,
  insertBulk: `INSERT INTO bulks (id, kind, filter, actor, note, per_second, override, state, created_at_ms, total)
    VALUES (?, ?, ?, ?, ?, ?, ?, 'running', ?, ?)`,
  settleBulkItem: 'UPDATE bulk_items SET outcome = ? WHERE bulk_id = ? AND delivery_id = ?',
  setBulkState: `UPDATE bulks SET state = ?1 WHERE id = ?2 AND state IN ('running', 'paused') AND state <> ?1`,
  setChannel: `INSERT INTO channels (system, condition) VALUES (?, ?)
    ON CONFLICT DO UPDATE SET condition = excluded.condition`,

  // Retention
  withBodies: `SELECT sequence, id, subject, accepted_at_ms FROM messages
    WHERE bodies_left_at_ms IS NULL AND sequence > ? ORDER BY sequence LIMIT ?`,
  // Under legal hold, spoken of since, something still open or settled since, or an exchange that has not ended.
  keptFor: `SELECT 1 AS found FROM legal_holds h WHERE h.subject = ?1
    UNION ALL SELECT 1 FROM processes p WHERE p.instance = ?1 AND p.status <> 'ended'
    UNION ALL SELECT 1 FROM messages m LEFT JOIN deliveries d ON d.message_sequence = m.sequence
      WHERE m.subject = ?1 AND (m.accepted_at_ms >= ?2 OR d.settled_at_ms >= ?2
        OR d.state IN ('waiting', 'leased', 'blocked', 'held', 'dead')) LIMIT 1`,
  removeBodies: `UPDATE messages SET body = 'null', original = NULL, bodies_left_at_ms = ? WHERE sequence = ?`,
  removeDocuments: `DELETE FROM sent_documents
    WHERE delivery_id IN (SELECT id FROM deliveries WHERE message_sequence = ?)`,
  bodiesLeft: `SELECT 1 AS found FROM deliveries d JOIN messages m ON m.sequence = d.message_sequence
    WHERE d.id = ? AND m.bodies_left_at_ms IS NOT NULL`,
  holdForLaw: 'INSERT INTO legal_holds (subject, since_ms) VALUES (?, ?) ON CONFLICT DO NOTHING',
  endLegalHold: 'DELETE FROM legal_holds WHERE subject = ?',

  // Journal
  insertJournal: `INSERT INTO journal (chain_id, position, at_ms, kind, entry, previous_hash, hash) VALUES (?, ?, ?, ?, ?, ?, ?)`,
  putChain: `INSERT INTO chains (chain_id, position, hash) VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET position = excluded.position, hash = excluded.hash`,
  chains: 'SELECT chain_id, position, hash FROM chains ORDER BY chain_id',
  insertCheckpoint: 'INSERT OR REPLACE INTO checkpoints (at_ms, heads, signature) VALUES (?, ?, ?)',

  putShelf: `INSERT INTO shelves (shelf, key, value, updated_at_ms) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET value = excluded.value, updated_at_ms = excluded.updated_at_ms`,
  touch: `INSERT INTO shelves (shelf, key, value, updated_at_ms) VALUES ('store', 'probe', '1', ?)
    ON CONFLICT DO UPDATE SET updated_at_ms = excluded.updated_at_ms`,
} as const

/** Statements of the reading connection. */
export const reads = {
  messageById: `SELECT ${messageColumns}, m.receipt FROM messages m WHERE m.id = ?`,
  messagesOfSubject: `SELECT ${messageColumns}, m.receipt FROM messages m WHERE m.subject = ? ORDER BY m.sequence`,
  subjectOfAlias: 'SELECT subject FROM aliases WHERE alias = ?',
  aliasesOfSubject: 'SELECT alias FROM aliases WHERE subject = ? ORDER BY alias',
  deliveriesOfMessage: `SELECT ${deliveryColumns} FROM deliveries d WHERE d.message_sequence = ? ORDER BY d.sequence`,
  attemptsOfDelivery: 'SELECT * FROM attempts WHERE delivery_id = ? ORDER BY number',
  takenBefore: `SELECT ${messageColumns} FROM deliveries d JOIN messages m ON m.sequence = d.message_sequence
    WHERE d.system = ? AND d.subject = ? AND d.position < ? AND d.state = 'delivered' AND d.state <> 'discarded'
    AND m.bodies_left_at_ms IS NULL ORDER BY d.position`,
  depths: `SELECT system, state, COUNT(*) AS count, MIN(created_at_ms) AS oldest_at_ms FROM deliveries
    WHERE state IN ('waiting', 'leased', 'blocked', 'held', 'dead') GROUP BY system, state`,
  journalFrom: 'SELECT * FROM journal WHERE (chain_id, position) > (?, ?) ORDER BY chain_id, position LIMIT ?',
  checkpoints: 'SELECT * FROM checkpoints ORDER BY at_ms',
  sentPairs: `SELECT m.sequence, m.id, m.type, s.state AS shadow_state, ls.document AS live, ss.document AS shadow
    FROM messages m JOIN deliveries s ON s.message_sequence = m.sequence AND s.system = ?
    JOIN deliveries l ON l.message_sequence = m.sequence AND l.system = ?
    LEFT JOIN sent_documents ls ON ls.delivery_id = l.id LEFT JOIN sent_documents ss ON ss.delivery_id = s.id
    WHERE m.sequence > ? AND m.accepted_at_ms >= ? AND m.accepted_at_ms < ? ORDER BY m.sequence LIMIT ?`,
  unitsOf: 'SELECT units FROM dossiers WHERE subject = ?',
  process: 'SELECT * FROM processes WHERE process = ? AND instance = ?',
  processes: 'SELECT * FROM processes ORDER BY updated_at_ms DESC LIMIT ?',
  processesByStatus: 'SELECT * FROM processes WHERE status = ? ORDER BY updated_at_ms DESC LIMIT ?',
  dueTimers: 'SELECT process, instance, name FROM timers WHERE due_at_ms <= ? ORDER BY due_at_ms LIMIT ?',
  channels: 'SELECT condition FROM channels ORDER BY system',
  backlog: `SELECT COUNT(*) AS count FROM (SELECT 1 FROM deliveries
    WHERE source = ? AND state IN ('waiting', 'leased', 'blocked') LIMIT ?)`,
  deliveryById: `SELECT ${deliveryColumns}, m.id AS message_id FROM deliveries d
    JOIN messages m ON m.sequence = d.message_sequence WHERE d.id = ?`,
  original: 'SELECT original, original_media_type, verified_by FROM messages WHERE id = ?',
  interventionsOf: `SELECT * FROM interventions WHERE target = ? ORDER BY sequence DESC LIMIT ?`,
  interventions: `SELECT * FROM interventions ORDER BY sequence DESC LIMIT ?`,
  bulks: 'SELECT * FROM bulks ORDER BY created_at_ms DESC',
  bulkOutcomes: `SELECT outcome, COUNT(*) AS count FROM bulk_items WHERE bulk_id = ? AND outcome IS NOT NULL GROUP BY outcome`,
  bulkItems: 'SELECT delivery_id FROM bulk_items WHERE bulk_id = ? AND outcome IS NULL ORDER BY delivery_id LIMIT ?',
  shelf: 'SELECT key, value, updated_at_ms FROM shelves WHERE shelf = ? ORDER BY key',
} as const

/** The filter's conditions as SQL over `deliveries d`, and the values they take. */
export function filterClause(
  filter: DeliveryFilter,
  states: readonly DeliveryState[],
): { readonly where: string; readonly values: (string | number)[] } {
  const allowed = filter.state === undefined ? states : states.filter((state) => state === filter.state)
  const conditions: [string, string | number | undefined][] = [
    ['d.id IN (SELECT value FROM json_each(?))', filter.ids && JSON.stringify(filter.ids)],
    ['d.system = ?', filter.system],
    ['d.message_type = ?', filter.messageType],
    ['d.subject = ?', filter.subject],
    ["json_extract(d.reason, '$.code') = ?", filter.code],
    ["json_extract(d.reason, '$.cause') = ?", filter.cause],
    ['d.created_at_ms >= ?', filter.createdAfterMs],
    ['d.created_at_ms < ?', filter.createdBeforeMs],
  ]
  const given = conditions.flatMap(([sql, value]) => (value === undefined ? [] : [{ sql, value }]))
  const stateList = allowed.length === 0 ? 'NULL' : allowed.map(() => '?').join(', ')
  return {
    where: [`d.state IN (${stateList})`, ...given.map(({ sql }) => sql)].join(' AND '),
    values: [...allowed, ...given.map(({ value }) => value)],
  }
}

/** Deliveries that later ones of their lane have gone before. */
export const overtakenCondition = `EXISTS (SELECT 1 FROM deliveries l WHERE l.system = d.system AND l.subject = d.subject
  AND l.position > d.position AND l.state <> 'discarded' AND (l.state = 'delivered' OR l.attempts > 0))`
