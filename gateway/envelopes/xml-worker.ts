import { parentPort, workerData } from 'node:worker_threads'
import { createXmlBench, toCrossing, type XmlOrder } from './xml-work.ts'

// The thread behind `createXmlWorkshop`: one order in, one outcome out.
const work = createXmlBench(workerData as Readonly<Record<string, string>>) // as the workshop gives it

parentPort?.on('message', (order: XmlOrder) => {
  try {
    parentPort?.postMessage({ outcome: work(order) })
  } catch (error) {
    parentPort?.postMessage({ error: toCrossing(error) })
  }
})
