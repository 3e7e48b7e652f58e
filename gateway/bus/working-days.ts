/** Which days the offices work. Days are those of Vietnam (UTC+7, no summer time). */
export interface WorkCalendar {
  /** 1 Monday … 7 Sunday. */
  readonly workingWeekdays: readonly number[]
  /** `yyyy-mm-dd`. */
  readonly holidays: readonly string[]
}

export const officeCalendar: WorkCalendar = { workingWeekdays: [1, 2, 3, 4, 5], holidays: [] }

const dayMs = 86_400_000
const vietnamOffsetMs = 7 * 3_600_000
/** Nobody waits for a year of holidays; a calendar that has no working day is a mistake that must end. */
const longestSearchDays = 3_660

/** The end (midnight in Vietnam) of the `count`-th working day after the day of `fromMs`. Throws RangeError without working days. */
export function endOfWorkingDay(fromMs: number, count: number, calendar: WorkCalendar): number {
  const firstDay = Math.floor((fromMs + vietnamOffsetMs) / dayMs)
  let left = count
  for (let day = firstDay + 1; day <= firstDay + longestSearchDays; day++) {
    if (isWorkingDay(day, calendar)) left -= 1
    if (left <= 0) return (day + 1) * dayMs - vietnamOffsetMs
  }
  throw new RangeError('the calendar has no working days')
}

function isWorkingDay(day: number, { workingWeekdays, holidays }: WorkCalendar): boolean {
  const date = new Date(day * dayMs)
  const weekday = date.getUTCDay() === 0 ? 7 : date.getUTCDay()
  return workingWeekdays.includes(weekday) && !holidays.includes(date.toISOString().slice(0, 10))
}
