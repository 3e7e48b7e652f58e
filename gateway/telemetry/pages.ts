import type { FastifyPluginAsync } from 'fastify'
import type { Health, HealthReport } from './health.ts'
import type { Metrics } from './metrics.ts'
import type { Operation } from './openapi.ts'

/** `/health/live`, `/health/ready` and `/metrics`, as a Fastify plugin. */
export function telemetryPages(parts: { readonly health: Health; readonly metrics: Metrics }): FastifyPluginAsync {
  return async (server) => {
    server.get('/health/live', { config: { doc: liveDoc } }, async (_request, reply) => {
      return reply.header('cache-control', 'no-store').send(parts.health.live())
    })
    server.get('/health/ready', { config: { doc: readyDoc } }, async (_request, reply) => {
      const report: HealthReport = await parts.health.ready()
      const status = report.status === 'pass' ? 200 : 503
      return reply.code(status).header('cache-control', 'no-store').send(report)
    })
    server.get('/metrics', { config: { doc: metricsDoc } }, async (_request, reply) => {
      const { contentType, body } = await parts.metrics.page()
      return reply.header('content-type', contentType).header('cache-control', 'no-store').send(body)
    })
  }
}

const reportSchema = {
  type: 'object',
  required: ['status', 'checks'],
  properties: {
    status: { enum: ['pass', 'fail'] },
    checks: {
      type: 'array',
      items: {
        type: 'object',
        required: ['name', 'isPassing'],
        properties: { name: { type: 'string' }, isPassing: { type: 'boolean' }, detail: { type: 'string' } },
      },
    },
  },
}
const reportContent = { 'application/json': { schema: reportSchema } }

const liveDoc: Operation = {
  operationId: 'healthLive',
  summary: 'Whether the process answers',
  tags: ['operation'],
  responses: { 200: { description: 'It answers.', content: reportContent } },
}

const readyDoc: Operation = {
  operationId: 'healthReady',
  summary: 'Whether a message would be accepted now',
  tags: ['operation'],
  responses: {
    200: { description: 'Ready.', content: reportContent },
    503: { description: 'Not ready; `checks` says why.', content: reportContent },
  },
}

const metricsDoc: Operation = {
  operationId: 'metrics',
  summary: 'Metrics for Prometheus',
  tags: ['operation'],
  responses: {
    200: { description: 'Text exposition.', content: { 'text/plain': { schema: { type: 'string' } } } },
  },
}
