import { type DemoStep, demoDossiers, type Item } from './dossiers.ts'

/** A dossier whose procedure nobody has published: it is taken, and waits for the catalogue. */
export function unknownProcedure(): { readonly code: string; readonly title: string; readonly item: Item } {
  const code = '000.00.01.H47-261014-0201'
  const title = 'Hồ sơ có thủ tục chưa có trong danh mục'
  const item = { ...model('land'), MaHoSo: code, SoBienNhan: '', MaTTHC: '1.999999', TrichYeuHoSo: title }
  return { code, title, item }
}

/** A batch of five in one request, the third with a day that does not exist. */
export function mixedBatch(): {
  readonly items: readonly Item[]
  readonly refusedCode: string
  /** What the portal must hold in the end. */
  readonly stories: readonly { readonly code: string; readonly title: string; readonly steps: readonly DemoStep[] }[]
} {
  const items = ['0301', '0302', '0303', '0304', '0305'].map((serial) => ({
    ...model('civil-status'),
    MaHoSo: `000.10.01.H47-261015-${serial}`,
    SoBienNhan: '',
    TrichYeuHoSo: `Đăng ký khai sinh, gửi theo lô (${serial})`,
    NgayTiepNhan: serial === '0303' ? '20260230083000' : '20261015083000',
  }))
  const [refused] = items.filter(({ NgayTiepNhan }) => NgayTiepNhan.startsWith('20260230'))
  return {
    items,
    refusedCode: refused?.MaHoSo ?? '',
    stories: items
      .filter((item) => item !== refused)
      .map((item) => ({
        code: item.MaHoSo,
        title: item.TrichYeuHoSo,
        steps: [{ service: 'DongBoHoSoMC', isUpdating: 'False', item }],
      })),
  }
}

/** The first record of a dossier of the demonstration, to be told of somebody else. */
function model(area: string): Item {
  const dossier = demoDossiers().find((one) => one.area === area && one.form === 'v2')
  if (!dossier?.steps[0]) throw new Error(`no dossier of ${area}`)
  return dossier.steps[0].item
}
