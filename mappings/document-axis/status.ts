import type { DocumentStatusReported } from '../../contracts/canonical/types.ts'
import { GatewayError } from '../../gateway/bus/errors.ts'
import { present, presentAny } from '../present.ts'
import { documentStatuses } from './codes.ts'
import { agencyFromAxis, agencyToAxis } from './document.ts'
import { type Fields, groupIn, neededText, textIn } from './fields.ts'
import { dayFromAxis, dayToAxis, instantFromAxis, instantToAxis } from './time.ts'

/** A status message's header in the standard's form. */
export function statusToAxis(body: DocumentStatusReported): Fields {
  const { issuedBy, code, promulgatedOn, documentId, from, officer } = body
  return {
    Status: present({
      ResponseFor: present({
        OrganId: issuedBy,
        Code: code,
        PromulgationDate: promulgatedOn && dayToAxis(promulgatedOn),
        DocumentId: documentId,
      }),
      From: agencyToAxis(from),
      StatusCode: documentStatuses.codeOf(body.status),
      Description: body.note,
      Timestamp: instantToAxis(Date.parse(body.at)),
      StaffInfo: officer && presentAny({ Department: officer.department, Staff: officer.name }),
    }),
  }
}

/** A status from a message's header. Throws `value-missing` and `value-unmappable`, naming the element. */
export function statusFromAxis(header: Fields): DocumentStatusReported {
  const status = groupIn(header, 'Status') ?? {}
  const about = groupIn(status, 'ResponseFor') ?? {}
  const staff = groupIn(status, 'StaffInfo') ?? {}
  const issued = textIn(about, 'PromulgationDate')
  const name = documentStatuses.nameOf(neededText(status, 'StatusCode').padStart(2, '0'))
  if (name === undefined) throw new GatewayError('value-unmappable', { field: 'StatusCode', rule: 'QĐ 28/2018' })
  return present({
    documentId: neededText(about, 'DocumentId'),
    issuedBy: neededText(about, 'OrganId'),
    code: textIn(about, 'Code'),
    promulgatedOn: issued === undefined ? undefined : dayFromAxis(issued, 'ResponseFor/PromulgationDate'),
    from: agencyFromAxis(groupIn(status, 'From') ?? {}),
    status: name,
    at: instantFromAxis(neededText(status, 'Timestamp'), 'Timestamp'),
    note: textIn(status, 'Description'),
    officer: presentAny({ department: textIn(staff, 'Department'), name: textIn(staff, 'Staff') }),
  })
}
