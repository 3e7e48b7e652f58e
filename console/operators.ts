import { createHash, timingSafeEqual } from 'node:crypto'
import { GatewayError } from '../gateway/bus/errors.ts'

/** Each role may do what the ones before it may. */
export const roles = ['viewer', 'operator', 'admin'] as const
export type Role = (typeof roles)[number]

/** A person who may use the operators' API, as configuration names them. */
export interface Operator {
  readonly name: string
  readonly role: Role
  readonly token: string
}

/**
 * Knows an operator by the bearer token of an `authorization` header. Throws `credential-missing` or `credential-refused`.
 * Digests are of one length and are compared in constant time, and all of them are: how long it takes tells nothing.
 */
export function createOperatorCheck(
  operators: readonly Operator[],
): (authorization: string | undefined) => Omit<Operator, 'token'> {
  const known = operators.map(({ name, role, token }) => ({ name, role, digest: digest(token) }))
  return (authorization) => {
    const [, token] = /^Bearer ([^\s]+)$/i.exec(authorization ?? '') ?? []
    if (token === undefined) throw new GatewayError('credential-missing', { field: 'authorization', rule: 'required' })
    const given = digest(token)
    const [found] = known.filter((operator) => timingSafeEqual(operator.digest, given))
    if (!found) throw new GatewayError('credential-refused')
    return { name: found.name, role: found.role }
  }
}

/** Throws `role-too-low`, naming the role that is needed. */
export function requireRole(role: Role, least: Role): void {
  if (roles.indexOf(role) >= roles.indexOf(least)) return
  throw new GatewayError('role-too-low', { rule: `role: ${least}` })
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
