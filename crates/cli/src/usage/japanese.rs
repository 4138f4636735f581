//! The help in Japanese: each text of [`crate::args`] and of [`super::examples`], and those that the parser adds, with its
//! translation. The words are those of the reports and of the page.

/// The Japanese of a text.
pub(super) fn of(english: &str) -> Option<&'static str> {
    TEXTS.iter().find(|(text, _)| *text == english).map(|(_, japanese)| *japanese)
}

pub(super) static TEXTS: &[(&str, &str)] = &[
    // The parser's own.
    ("Print help (see more with '--help')", "ヘルプを表示する(詳細は --help)"),
    ("Print help (see a summary with '-h')", "ヘルプを表示する(要約は -h)"),
    ("Print version", "版を表示する"),
    (
        "Print this message or the help of the given subcommand(s)",
        "このヘルプ、または指定したコマンドのヘルプを表示する",
    ),
    // Verbs.
    (
        "Answers for every byte of a firmware image: what the maker signed, what differs from that, and what nobody can tell",
        "ファームウェアイメージの全バイトについて答える。製造者が署名した基準値と一致するもの、相違するもの、判定できないものを示す",
    ),
    (
        "Look into an image: its parts, what each byte belongs to, and what breaks its format; judges nothing",
        "イメージを解析し、構造、全バイトの内訳、形式上の欠陥を示す。判定は行わない",
    ),
    (
        "Maker: make and sign the manifest of a release (its reference values: what each part has to be)",
        "【製造者】リリースのマニフェスト(各部分のあるべき値、すなわち基準値の一覧)を作成し署名する",
    ),
    (
        "Buyer, auditor: compare images with the signed manifest of their release (what the maker says is in it)",
        "【購入者・監査者】イメージを、そのリリースの署名済みマニフェスト(製造者による基準値の一覧)と比較する",
    ),
    (
        "Buyer: verify the images of many units, as a table, with the record of an inspection to print",
        "【購入者】多数の機器のイメージを検証して表にまとめ、印刷用の検査記録を作る",
    ),
    (
        "Show what changed between two images, part by part; needs no manifest",
        "二つのイメージの相違を構成要素ごとに示す。マニフェストは要らない",
    ),
    ("Make and show keys for signatures", "署名の鍵を作成・表示する"),
    (
        "Make an Ed25519 key pair: PRIVATE for its owner alone, and PRIVATE.pub to hand out",
        "Ed25519 の鍵の対を作成する。PRIVATE(秘密鍵)は所有者だけが持ち、PRIVATE.pub(公開鍵)を配布する",
    ),
    (
        "Show the fingerprint of a key (the digits that stand for it), to compare by telephone or on paper",
        "鍵のフィンガープリント(鍵を表す文字列)を表示する。電話や書面での照合に用いる",
    ),
    ("Show, sign and check manifests", "マニフェストの表示、署名の追加、点検を行う"),
    (
        "Show what a manifest claims; checks no signature",
        "マニフェストの記載内容を表示する。署名は検証しない",
    ),
    (
        "Add a signature to a manifest that others have signed; nobody else's key is needed",
        "他者が署名したマニフェストに署名を加える。他者の鍵は要らない",
    ),
    (
        "Look for mistakes in a manifest, before it is handed out",
        "配布前のマニフェストに誤りや不足が無いか点検する",
    ),
    (
        "Make and check policies (whose signature counts for which product, and what else a buyer asks)",
        "ポリシー(どの製品に誰の署名を認めるか、その他購入者が求める条件)の作成と点検を行う",
    ),
    (
        "Write a policy to start from, to be completed by hand",
        "ポリシーのひな型を作成する。内容は手作業で補う",
    ),
    ("Look for mistakes in a policy", "ポリシーに誤りや不足が無いか点検する"),
    ("Say in words what a policy demands", "ポリシーが求める条件を文章で示す"),
    ("Show saved reports again", "保存した報告書を再び表示する"),
    (
        "Show a saved report again, as claimed by whoever made it; checks nothing",
        "保存した報告書を、作成者の記載どおりに再び表示する。再検証はしない",
    ),
    (
        "Send a request to the core as it is: the seam at which hosts are compared",
        "コアに要求をそのまま渡す(実行環境の比較用)",
    ),
    ("Print a script by which a shell completes what is typed", "シェルの入力補完用スクリプトを出力する"),
    (
        "Print the manual of a verb or the fields of a file, or write manual pages for `man`",
        "コマンドの説明書またはファイルの項目一覧を表示する。`man` 用のページも出力できる",
    ),
    (
        "Print versions, and the SHA-256 of the core (the part that reads images), which each report names",
        "版と、コア(イメージを読み取る部分)の SHA-256 を表示する。各報告書に同じ値が記される",
    ),
    (
        "Buyer, auditor: write what decides in a dump what may start, each value in words, for the policy to confirm",
        "【購入者・監査人】ダンプの中で起動の可否を決める値を言葉を添えて書き出す。確認の上ポリシーに記す",
    ),
    (
        "Maker: draft the firmware.toml that attest reads; from several units also what differs between them",
        "【製造者】attest に与える firmware.toml の案を作る。複数の機器からは、機器間で異なる箇所も示す",
    ),
    // Options of all.
    ("How to print results", "結果の出力形式"),
    ("For people", "人が読む形式"),
    (
        "Show one unit of several: its serial number, or the name of its file",
        "複数のうち一台だけを表示する。製造番号又はファイル名で指定する",
    ),
    (
        "Another reading of the same chip, which has to be equal; may be given several times. Beside one image only",
        "同じチップの別の読取結果。等しくなければならない。複数指定可。イメージは一つだけ",
    ),
    (
        "What the acquisition could not read: ddrescue's map, or a line OFFSET+LENGTH for each place. Beside one image only",
        "読み取れなかった箇所。ddrescue のマップ、又は一行に一つの OFFSET+LENGTH。イメージは一つだけ",
    ),
    ("For programs: one report a line", "プログラム用。1 行に報告書 1 件"),
    (
        "Language of help, results and messages; default: that of the locale",
        "ヘルプ、結果、通知の言語。省略時はロケールに従う",
    ),
    ("English", "英語"),
    ("日本語", "日本語"),
    ("When to use colour", "色を付ける条件"),
    ("On a terminal that shows it", "色を表示できる端末のときに付ける"),
    ("Always", "常に付ける"),
    ("Never", "付けない"),
    ("No progress bar", "進行状況を表示しない"),
    (
        "List every region (part of the image) and every finding (what differs, or breaks a rule)",
        "全ての領域(イメージの部分)と所見(相違や規則違反)を表示する",
    ),
    (
        "The time by which validity is judged, such as 2026-04-01T00:00:00Z; default: the clock",
        "有効期間の判定に用いる時刻(例:2026-04-01T00:00:00Z)。省略時は計算機の時計",
    ),
    (
        "Change a limit of the work done for one image, such as space=268435456; the report names it",
        "イメージ 1 件に費やす処理量の上限を変える(例:space=268435456)。変更は報告書に記される",
    ),
    ("Overwrite output files that exist", "既に有る出力ファイルを上書きする"),
    (
        "Where images are read: walled off (sandbox), or unprotected in this process, only to compare the two",
        "イメージを読み取る環境。通常は隔離環境(サンドボックス)。native は隔離せずに読むもので、両者の比較用",
    ),
    ("Walled off, as WebAssembly", "WebAssembly として隔離して読む"),
    ("In this process, unprotected", "隔離せず、本プログラムの中で読む"),
    // Images and reports.
    ("Images; `-` is standard input", "イメージ。`-` は標準入力"),
    ("Images of the release; `-` is standard input", "リリースのイメージ。`-` は標準入力"),
    (
        "Images, or folders with images; `-` is standard input",
        "イメージ、またはイメージの入ったフォルダー。`-` は標準入力",
    ),
    (
        "The image of the release, or those of several units that are known to hold it unchanged; `-` is standard input",
        "リリースのイメージ、またはそれを変更なく収めていると分かっている複数の機器のイメージ。`-` は標準入力",
    ),
    ("Write the report (JSON) to this file as well", "報告書(JSON)をこのファイルにも書く"),
    (
        "Write the reports (JSON, one a line) to this file as well, and beside it FILE.run.json, which names the files and the date",
        "報告書(JSON、1 行に 1 件)をこのファイルにも書く。併せて、ファイル名と日付を記した FILE.run.json を書く",
    ),
    (
        "How many images at once; default: one for each processor, in at most a quarter of the memory",
        "同時に処理するイメージの数。省略時はプロセッサーの数(メモリーの 4 分の 1 に収まる範囲)",
    ),
    // settings.
    (
        "Dumps of devices whose settings are to be confirmed; `-` is standard input",
        "設定を確認する機器のダンプ。`-` は標準入力",
    ),
    // attest.
    (
        "The description of product and release, firmware.toml; `kiwame describe` drafts one",
        "製品とリリースの記述(firmware.toml)。案は `kiwame describe` で作れる",
    ),
    (
        "A private key to sign with; may be given several times, for as many signatures",
        "署名に用いる秘密鍵。複数指定すると、その数だけ署名する",
    ),
    (
        "Where to write the signed manifest; a name that ends in .gz compresses it; `-` is standard output",
        "署名済みマニフェストの出力先。名前の末尾が .gz なら圧縮する。`-` は標準出力",
    ),
    (
        "List programs in file systems by their sections (code, data and others), so that verify says which one changed; the manifest grows 15 to 25 times",
        "ファイルシステム内のプログラムをセクション(コード、データなどの区画)ごとに記載し、verify がどのセクションの変更かを示せるようにする。マニフェストの大きさは 15 倍から 25 倍になる",
    ),
    (
        "Take an image in which no format is recognised, as one piece",
        "形式を判読できないイメージも、全体を一つとして受け付ける",
    ),
    // verify and lot.
    (
        "A signed manifest from the maker; may be given several times",
        "製造者から得た署名済みマニフェスト。複数指定できる",
    ),
    (
        "Your policy: whose signature counts for which product, and what else you ask",
        "自分のポリシー。どの製品に誰の署名を認めるか、その他の条件を定める",
    ),
    (
        "The maker's public key instead of a policy: this key alone counts, and every byte needs a reference value; needs --expect",
        "ポリシーの代わりに用いる製造者の公開鍵。この鍵の署名だけを認め、全バイトに基準値を求める。--expect が必要",
    ),
    (
        "What was ordered, from the order and not from the manifest",
        "発注したもの。マニフェストではなく発注書から写す",
    ),
    (
        "The channel (line of releases, such as beta) that was ordered; default: release, or what the policy names",
        "発注したチャネル(beta など、リリースの系列)。省略時は release、またはポリシーの指定",
    ),
    ("The hardware revision of the unit, such as B2", "機器のハードウェア版(例:B2)"),
    (
        "Take the image apart even when the digest (SHA-256) of the whole matches",
        "全体のダイジェスト(SHA-256)が一致しても、イメージの内部を解析する",
    ),
    (
        "List every region in the report, not just those that differ",
        "相違する領域だけでなく、全ての領域を報告書に記載する",
    ),
    (
        "For tests only: let keys count whose private half is published, so that anybody can sign with them",
        "試験専用。秘密鍵が公開されており誰でも署名できる鍵を認める",
    ),
    ("How many units were ordered", "発注した台数"),
    (
        "A list of the serial numbers that were ordered, one a line",
        "発注した機器の製造番号の一覧。1 行に 1 件",
    ),
    (
        "Write the table to this file as well: its ending, .csv, .json, .md or .html (to print on A4), says how",
        "表をこのファイルにも書く。形式は名前の末尾(.csv、.json、.md、.html)で決まる。.html は A4 印刷用",
    ),
    // diff, key, manifest, policy, report and others.
    ("The image to start from", "比較の元となるイメージ"),
    ("The image to compare with it", "それと比べるイメージ"),
    ("List only what changed, a line each", "相違だけを 1 行に 1 件示す"),
    ("Where to write the private key", "秘密鍵の出力先"),
    (
        "A public key, or a private one, of which only the public half is shown",
        "公開鍵。秘密鍵を与えても、表示するのは公開鍵のみ",
    ),
    ("The manifest", "マニフェスト"),
    ("A private key to sign with; may be given several times", "署名に用いる秘密鍵。複数指定できる"),
    (
        "Where to write the manifest; a name that ends in .gz compresses it; `-` is standard output",
        "マニフェストの出力先。名前の末尾が .gz なら圧縮する。`-` は標準出力",
    ),
    (
        "A public key that the policy trusts; may be given several times",
        "ポリシーで信頼する公開鍵。複数指定できる",
    ),
    ("The product for which it counts", "対象の製品"),
    ("Where to write the file; default: standard output", "出力先。省略時は標準出力"),
    ("The policy", "ポリシー"),
    ("The report, a file that --report wrote", "報告書(--report で書いたファイル)"),
    ("The request (JSON)", "要求(JSON)"),
    ("Its sources, in its order", "要求が挙げる入力。順序も要求のとおり"),
    ("Write each output into this directory, under its name", "各出力を、その名前でこのフォルダーに書く"),
    ("The shell", "シェル"),
    (
        "The verb; or the file whose every field is wanted: firmware.toml, policy.toml, manifest.json, report.json",
        "コマンド名、または全項目を見たいファイル(firmware.toml、policy.toml、manifest.json、report.json)",
    ),
    (
        "Write every page into this directory, in the form that `man` reads",
        "全ページを `man` で読める形でこのフォルダーに書く",
    ),
    ("As JSON, for programs", "プログラム用に JSON で出力する"),
    // Below the help.
    (
        "\
Exit codes:
  0   verified, and everything asked for is met
      (inspect, attest and others: done; diff: no difference)
  1   does not match (diff: something differs)
  2   wrong usage, no input, or a file that cannot be read or that changed
      while it was read
  3   cannot tell: no manifest for this image, or another release
  4   cannot tell: manifest, signature, key or time is not trusted, or
      something else was ordered
  5   cannot tell: not everything that the policy asks for could be checked
  6   cannot tell: a limit was reached
  7   warning: a person must look
  70  a bug of kiwame",
        "\
終了コード:
  0   検証済みで、求めた条件を全て満たす
      (inspect、attest などでは完了。diff では相違なし)
  1   不適合(diff では相違あり)
  2   使い方の誤り、入力なし、または読めないか読取中に変わったファイル
  3   判定不能:このイメージのマニフェストが無い、または異なる版
  4   判定不能:マニフェスト、署名、鍵、時刻のいずれかを信頼できない、
      または発注と異なる
  5   判定不能:ポリシーが求める範囲の全ては調べられていない
  6   判定不能:上限に達した
  7   要確認:人による確認が必要
  70  kiwame の不具合",
    ),
    (
        "\
With several images the exit code is the first of 70, 1, 4, 5, 3, 6, 7, 2
that occurred. Only 0 from `verify` and `lot` is acceptance.",
        "\
イメージが複数のときは、70、1、4、5、3、6、7、2 の順で最初に該当するもの。
合格を意味するのは `verify` と `lot` の 0 のみ。",
    ),
    (
        "\
Environment:
  NO_COLOR                   no colour, unless --color says otherwise
  LC_ALL, LC_MESSAGES, LANG  the language, unless --lang says otherwise",
        "\
環境変数:
  NO_COLOR                   色を付けない(--color の指定が優先)
  LC_ALL, LC_MESSAGES, LANG  言語(--lang の指定が優先)",
    ),
    ("Examples:", "例:"),
    (
        "Only exit code 0 is acceptance; all exit codes: `kiwame --help`.",
        "合格を意味するのは終了コード 0 のみ。終了コードの一覧:`kiwame --help`",
    ),
    (
        "Every field of firmware.toml: `kiwame man firmware.toml`.",
        "firmware.toml の全項目(英語):`kiwame man firmware.toml`",
    ),
    (
        "Every field of a manifest: `kiwame man manifest.json`.",
        "マニフェストの全項目(英語):`kiwame man manifest.json`",
    ),
    ("Every field of a policy: `kiwame man policy.toml`.", "ポリシーの全項目(英語):`kiwame man policy.toml`"),
    ("Every field of a report: `kiwame man report.json`.", "報告書の全項目(英語):`kiwame man report.json`"),
    ("  # look into an image; nothing else is needed", "  # イメージを解析する(他に何も要らない)"),
    ("  # compare it with what the maker signed", "  # 製造者が署名した基準値と比較する"),
    ("  # everything about one verb", "  # 一つのコマンドの詳しい説明"),
    ("  # what is in an image", "  # イメージの内容を見る"),
    (
        "  # every part and every finding, and the report in a file as well",
        "  # 全ての領域と所見を表示し、報告書をファイルにも書く",
    ),
    (
        "  # a draft of firmware.toml; read it, and fill in vendor, model and version",
        "  # firmware.toml の案。内容を確認し、vendor、model、version を記入する",
    ),
    (
        "  # the signed manifest, to hand out together with the image",
        "  # 署名済みマニフェスト。イメージとともに配布する",
    ),
    (
        "  # with the maker's public key; its fingerprint was compared before",
        "  # 製造者の公開鍵で(フィンガープリントを照合した後)",
    ),
    ("  # with a policy of your own; the report is kept", "  # 自分のポリシーで(報告書を残す)"),
    (
        "  # all images in a folder, and a record of the inspection to print and sign",
        "  # フォルダー内の全イメージを検証し、印刷・署名用の検査記録を作る",
    ),
    (
        "  # against the serial numbers of the order, one a line",
        "  # 発注した製造番号の一覧(1 行に 1 件)と照合する",
    ),
    ("  # what a new release changes", "  # 新しい版で変わったところ"),
    ("  # the same, a line for each part", "  # 同じく、1 行に 1 件で"),
    (
        "  # maker.key, to be kept secret, and maker.key.pub, to hand out",
        "  # 秘密に保管する maker.key と、配布する maker.key.pub",
    ),
    (
        "  # the fingerprint, to compare by telephone or on paper",
        "  # フィンガープリント(電話や書面で照合する)",
    ),
    ("  # what the manifest of a release claims", "  # マニフェストの記載内容"),
    ("  # one more signature, by a second person", "  # 二人目の署名を加える"),
    ("  # what is missing or odd", "  # 不足や不審な点"),
    (
        "  # a policy that trusts this key for this product; read it, and complete it",
        "  # この製品についてこの鍵を信頼するポリシー。内容を確認して補う",
    ),
    ("  # what it demands, in words", "  # 求める条件を文章で"),
    ("  # a report that --report wrote", "  # --report で書いた報告書"),
    ("  # one unit of a lot", "  # ロットの一台"),
    ("  # every region and finding in it", "  # その全ての領域と所見"),
    ("  # put this line into ~/.bashrc", "  # この行を ~/.bashrc に加える"),
    ("  # every field of a policy", "  # ポリシーの全項目(英語)"),
    ("  # pages for `man kiwame-verify`", "  # `man kiwame-verify` で読むページ"),
    (
        "  # the version, and the SHA-256 of the core, to compare with those in a report",
        "  # 版とコアの SHA-256(報告書の記載と照合する)",
    ),
    (
        "  # a draft; read it, and fill in vendor, model and version",
        "  # 案。内容を確認し、vendor、model、version を記入する",
    ),
    (
        "  # what this unit has set: read each line before it goes into your policy",
        "  # この機器の設定。一行ずつ確認し、ポリシーの [[rule]] の下に記す",
    ),
    ("  # from several units every value that was seen", "  # 複数の機器から、見られた全ての値"),
    (
        "  # from several units also rules for what differs between them",
        "  # 複数の機器から。機器間で異なる箇所の規則の案も作る",
    ),
];
