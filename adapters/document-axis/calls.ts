import type { HttpRequest } from '../../gateway/transports/http-client.ts'

export type MessageType = 'edoc' | 'status'

/** How one variant writes its calls, and where its answers hold what we need (wire-formats 4.3, 4.4). */
export interface AxisCalls {
  send(edxml: Uint8Array, messageType: MessageType): Call
  list(messageType: MessageType, window: { readonly fromMs: number; readonly toMs: number }): Call
  fetch(docId: string): Call
  acknowledge(docId: string, status: 'done' | 'fail'): Call
}

export type Call = Pick<HttpRequest, 'method' | 'path' | 'query' | 'headers' | 'body'>
