import { readFileSync } from 'node:fs'

/** A procedure record as `LayThuTuc` gives it (wire-formats 1.5): upper-case keys, `MaTTHC` the one exception. */
export interface ProcedureRecord {
  readonly MaTTHC: string
  readonly TENTTHC: string
  readonly [key: string]: unknown
}

/** What the portal publishes. */
export interface Catalogue {
  readonly procedures: readonly ProcedureRecord[]
  readonly agencies: readonly { readonly MADONVI: string; readonly TENDONVI: string; readonly CAPDONVI: string }[]
  readonly sectors: readonly { readonly MALINHVUC: string; readonly TENLINHVUC: string; readonly MANGANH: string }[]
  /** Local forms of national codes that may stand in `MaTTHC`: a table, never a cut string. */
  readonly localCodes: Readonly<Record<string, string>>
}

/** Reads a catalogue from a JSON file of that shape; without one, the demonstration's. */
export function readCatalogue(file?: string): Catalogue {
  if (file === undefined) return demoCatalogue()
  const read: unknown = JSON.parse(readFileSync(file, 'utf8'))
  for (const list of ['procedures', 'agencies', 'sectors']) {
    if (typeof read !== 'object' || read === null || !Array.isArray(Reflect.get(read, list))) {
      throw new Error(`${file}: "${list}" must be an array`)
    }
  }
  // The lists were checked; a wrong row shows at once as a wrong answer, which is what a file of one's own is for.
  const catalogue = read as Omit<Catalogue, 'localCodes'> & Partial<Catalogue>
  return { ...catalogue, localCodes: catalogue.localCodes ?? {} }
}

/** A made-up catalogue: the demonstration's procedures, then others over several agencies (codes 1.9…, 2.9…). */
export function demoCatalogue(): Catalogue {
  const rows = [...known, ...madeUp()]
  return {
    procedures: rows.map((row, index) => procedureRecord(row, index + 1)),
    agencies: agencies.map(([MADONVI, TENDONVI, CAPDONVI]) => ({ MADONVI, TENDONVI, CAPDONVI })),
    sectors: sectors.map(([MALINHVUC, TENLINHVUC, MANGANH]) => ({ MALINHVUC, TENLINHVUC, MANGANH })),
    localCodes: Object.fromEntries(known.map(({ code }) => [`${code}.000.00.00.H47`, code])),
  }
}

interface Row {
  readonly code: string
  readonly name: string
  readonly sector: string
  readonly level: 'Cấp Tỉnh' | 'Cấp Xã'
  readonly days: number
  readonly feeVnd?: number
  /** Whether it can be done online from end to end. */
  readonly isOnline: boolean
  readonly resultName: string
}

const sectors: readonly (readonly [code: string, name: string, agency: string])[] = [
  ['G13-DD01', 'Đất đai', 'G13'],
  ['G13-MT01', 'Môi trường', 'G13'],
  ['G07-BT01', 'Bảo trợ xã hội', 'G07'],
  ['G07-NC01', 'Người có công', 'G07'],
  ['G15-HT01', 'Hộ tịch', 'G15'],
  ['G15-CT01', 'Chứng thực', 'G15'],
  ['G17-XD01', 'Hoạt động xây dựng', 'G17'],
  ['G05-DN01', 'Thành lập và hoạt động của doanh nghiệp', 'G05'],
  ['G02-TM01', 'Xúc tiến thương mại', 'G02'],
  ['G18-YT01', 'Khám bệnh, chữa bệnh', 'G18'],
]

const agencies: readonly (readonly [code: string, name: string, level: string])[] = [
  ['G02', 'Bộ Công Thương', '1'],
  ['G05', 'Bộ Kế hoạch và Đầu tư', '1'],
  ['G07', 'Bộ Lao động - Thương binh và Xã hội', '1'],
  ['G13', 'Bộ Tài nguyên và Môi trường', '1'],
  ['G15', 'Bộ Tư pháp', '1'],
  ['G17', 'Bộ Xây dựng', '1'],
  ['G18', 'Bộ Y tế', '1'],
  ['G22', 'Văn phòng Chính phủ', '1'],
  ['000.00.00.H47', 'Ủy ban nhân dân tỉnh (mẫu)', '1'],
  ['000.00.01.H47', 'Sở Tài nguyên và Môi trường (mẫu)', '2'],
  ['000.00.02.H47', 'Sở Xây dựng (mẫu)', '2'],
  ['000.00.03.H47', 'Sở Kế hoạch và Đầu tư (mẫu)', '2'],
  ['000.00.04.H47', 'Sở Công Thương (mẫu)', '2'],
  ['000.00.05.H47', 'Sở Lao động - Thương binh và Xã hội (mẫu)', '2'],
  ['000.10.01.H47', 'Ủy ban nhân dân xã Mẫu Một', '3'],
  ['000.10.02.H47', 'Ủy ban nhân dân xã Mẫu Hai', '3'],
  ['000.10.03.H47', 'Ủy ban nhân dân phường Mẫu Ba', '3'],
]

/** The procedures the demonstration's dossiers name. */
const known: readonly Row[] = [
  ['1.004269', 'Cung cấp dữ liệu đất đai', 'G13-DD01', 'Cấp Tỉnh', 1, 50_000, true, 'Văn bản cung cấp dữ liệu đất đai'],
  [
    '1.004227',
    'Đăng ký biến động quyền sử dụng đất, quyền sở hữu tài sản gắn liền với đất',
    'G13-DD01',
    'Cấp Tỉnh',
    10,
    80_000,
    true,
    'Giấy chứng nhận quyền sử dụng đất',
  ],
  [
    '1.004193',
    'Đính chính Giấy chứng nhận đã cấp',
    'G13-DD01',
    'Cấp Tỉnh',
    10,
    28_000,
    true,
    'Giấy chứng nhận quyền sử dụng đất',
  ],
  [
    '2.000477',
    'Dừng trợ giúp xã hội tại cơ sở trợ giúp xã hội',
    'G07-BT01',
    'Cấp Tỉnh',
    7,
    undefined,
    true,
    'Quyết định dừng trợ giúp xã hội',
  ],
  [
    '1.001776',
    'Thực hiện, điều chỉnh, thôi hưởng trợ cấp xã hội hàng tháng',
    'G07-BT01',
    'Cấp Xã',
    22,
    undefined,
    true,
    'Quyết định trợ cấp xã hội',
  ],
  [
    '1.001731',
    'Hỗ trợ chi phí mai táng cho đối tượng bảo trợ xã hội',
    'G07-BT01',
    'Cấp Xã',
    5,
    undefined,
    true,
    'Quyết định hỗ trợ',
  ],
  [
    '1.001653',
    'Đổi, cấp lại Giấy xác nhận khuyết tật',
    'G07-BT01',
    'Cấp Xã',
    5,
    undefined,
    true,
    'Giấy xác nhận khuyết tật',
  ],
  ['1.001193', 'Đăng ký khai sinh', 'G15-HT01', 'Cấp Xã', 1, undefined, true, 'Giấy khai sinh'],
  ['1.000656', 'Đăng ký khai tử', 'G15-HT01', 'Cấp Xã', 1, undefined, true, 'Trích lục khai tử'],
  [
    '1.004873',
    'Cấp Giấy xác nhận tình trạng hôn nhân',
    'G15-HT01',
    'Cấp Xã',
    3,
    15_000,
    true,
    'Giấy xác nhận tình trạng hôn nhân',
  ],
  ['2.000635', 'Cấp bản sao Trích lục hộ tịch', 'G15-HT01', 'Cấp Xã', 1, 8_000, true, 'Bản sao trích lục hộ tịch'],
  [
    '1.009994',
    'Cấp giấy phép xây dựng mới đối với nhà ở riêng lẻ',
    'G17-XD01',
    'Cấp Xã',
    15,
    75_000,
    true,
    'Giấy phép xây dựng',
  ],
  [
    '1.009974',
    'Cấp giấy phép xây dựng mới đối với công trình',
    'G17-XD01',
    'Cấp Tỉnh',
    20,
    150_000,
    true,
    'Giấy phép xây dựng',
  ],
  [
    '2.001610',
    'Đăng ký thành lập doanh nghiệp tư nhân',
    'G05-DN01',
    'Cấp Tỉnh',
    3,
    50_000,
    true,
    'Giấy chứng nhận đăng ký doanh nghiệp',
  ],
  ['2.000033', 'Thông báo hoạt động khuyến mại', 'G02-TM01', 'Cấp Tỉnh', 0, undefined, true, 'Không'],
  [
    '2.001474',
    'Thông báo sửa đổi, bổ sung nội dung chương trình khuyến mại',
    'G02-TM01',
    'Cấp Tỉnh',
    0,
    undefined,
    true,
    'Không',
  ],
].map(toRow)

/** 30 procedures nobody offers, so that a coverage count has something to count. */
function madeUp(): readonly Row[] {
  const acts = ['Cấp mới', 'Cấp lại', 'Gia hạn']
  return sectors.flatMap(([sector, sectorName], sectorIndex) =>
    acts.map((act, actIndex): Row => {
      const serial = String(sectorIndex * 10 + actIndex + 1).padStart(5, '0')
      return {
        code: `${(actIndex % 2) + 1}.9${serial}`,
        name: `${act} giấy phép mẫu lĩnh vực ${sectorName}`,
        sector,
        level: sectorIndex % 2 === 0 ? 'Cấp Tỉnh' : 'Cấp Xã',
        days: 5 + actIndex * 5,
        ...(actIndex === 0 && { feeVnd: 20_000 }),
        isOnline: actIndex !== 2,
        resultName: `Giấy phép mẫu ${sectorName}`,
      }
    }),
  )
}

function toRow(cells: readonly (string | number | boolean | undefined)[]): Row {
  const [code, name, sector, level, days, feeVnd, isOnline, resultName] = cells
  return {
    code: String(code),
    name: String(name),
    sector: String(sector),
    level: level === 'Cấp Xã' ? 'Cấp Xã' : 'Cấp Tỉnh',
    days: Number(days),
    ...(typeof feeVnd === 'number' && { feeVnd }),
    isOnline: isOnline === true,
    resultName: String(resultName),
  }
}

function procedureRecord(row: Row, id: number): ProcedureRecord {
  const [, sectorName = '', owner = ''] = sectors.find(([code]) => code === row.sector) ?? []
  const performing = row.level === 'Cấp Xã' ? 'Ủy ban nhân dân cấp xã' : 'Sở, ban, ngành cấp tỉnh'
  const serial = String(id).padStart(6, '0')
  const terms = [
    {
      DONVITINH: 'Ngày làm việc',
      MOTA: '',
      THOIGIANGIAIQUYET: String(row.days),
      PHILEPHI:
        row.feeVnd === undefined
          ? []
          : [
              {
                DONVI: 'Đồng',
                MAPHILEPHI: `PLP${serial}`,
                MOTA: 'Phí',
                SOTIEN: String(row.feeVnd),
                TENTEP: '',
                URL: '',
              },
            ],
    },
  ]
  const channels = ['Trực tiếp', ...(row.isOnline ? ['Trực tuyến'] : []), 'Nộp qua bưu chính công ích']
  return {
    ID: String(id),
    MaTTHC: row.code,
    TENTTHC: row.name,
    MACOQUANCONGBO: owner,
    LOAITTHC: 'TTHC được luật giao quy định chi tiết',
    MOTADOITUONGTHUCHIEN: 'Công dân Việt Nam; Doanh nghiệp',
    DIACHITIEPNHAN: 'Bộ phận Tiếp nhận và Trả kết quả',
    QUYETDINH: `QĐ mẫu ${id}/QĐ-MAU`,
    YEUCAU: 'Không',
    TUKHOA: '',
    IDQUYETDINHCONGBO: String(1000 + id),
    TRANGTHAI: 'Công khai',
    MOTACOQUANTHUCHIEN: performing,
    MOTACOQUANTHAMQUYEN: performing,
    MOTA: '',
    TRINHTUTHUCHIEN: [
      {
        TRUONGHOP: '',
        TRINHTU: [{ TENTRINHTU: 'Bước 1: Nộp hồ sơ' }, { TENTRINHTU: 'Bước 2: Giải quyết, trả kết quả' }],
      },
    ],
    CAPTHUCHIEN: [{ CAPTHUCHIEN: row.level === 'Cấp Xã' ? '4' : '2', TENCAP: row.level }],
    LINHVUCTHUCHIEN: [{ MALINHVUC: row.sector, TENLINHVUC: sectorName }],
    CACHTHUCTHUCHIEN: channels.map((KENH) => ({ KENH, THOIGIAN: terms })),
    DOITUONGTHUCHIEN: [{ MADOITUONG: '1', TENDOITUONG: 'Công dân Việt Nam' }],
    THANHPHANHOSO: [
      {
        TRUONGHOP: 'Thành phần hồ sơ bao gồm:',
        GIAYTO: [
          {
            MAGIAYTO: `${owner}.GT${serial}`,
            MA_KQ_THAYTHE: '',
            SOBANCHINH: '1',
            SOBANSAO: '0',
            TENGIAYTO: 'Đơn đề nghị theo mẫu',
            TENMAUDON: 'mau-don.docx',
            URL: 'https://portal.example/mau-don.docx',
          },
        ],
      },
    ],
    KETQUATHUCHIEN: [{ MAKETQUA: `KQ.${owner}.${serial}`, TENKETQUA: row.resultName, TENTEP: '', URL: '' }],
    CANCUPHAPLY: [
      {
        COQUANBANHANH: 'Chính phủ',
        DIACHITRUYCAP: '',
        NGAYBANHANH: '01/01/2020',
        NGAYHIEULUC: '01/03/2020',
        SOVANBAN: `${id}/2020/NĐ-MAU`,
        TENVANBAN: 'Nghị định mẫu',
      },
    ],
    TTHCLIENQUAN: [],
    TTHCLIENTHONG: [],
    COQUANTHUCHIEN: [{ MADONVI: '000.00.00.H47', TENDONVI: performing }],
    COQUANCOTHAMQUYEN: [{ MADONVI: '000.00.00.H47', TENDONVI: performing }],
    COQUANDUOCUYQUYEN: [],
    COQUANPHOIHOP: [],
  }
}
