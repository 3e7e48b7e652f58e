import type { Stage } from './stage.ts'

/** One business flow of the demonstration: what the outside does, and what must be true at the end of it. */
export interface Flow {
  readonly name: string
  /** Dossiers it brings on the stage. */
  readonly cast?: readonly Role[]
  /** Does what the outside does, and answers with the check to make once everything has come to rest. */
  play(stage: Stage): Promise<Check>
}

/** A dossier by its code, and what it is about in an officer's words. */
export interface Role {
  readonly code: string
  readonly title: string
}

export type Check = (stage: Stage) => Promise<Finding>

/** How the flow came out. */
export interface Finding {
  /** Messages compared. */
  readonly messages: number
  /** What is not as it should be, one line each; empty when all is well. */
  readonly differences: readonly string[]
  /** What a reader of the demonstration should see. */
  readonly remarks?: readonly string[]
}

/** One line when an answer is not what was expected, none when it is. */
export function unlessTrue(isTrue: boolean, text: string): readonly string[] {
  return isTrue ? [] : [text]
}
