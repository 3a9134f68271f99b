extension Page {
  /// The page's only style. Its hash stands in the Content-Security-Policy, so that no other style is ever applied.
  static let style = """

    :root{color-scheme:light dark;--ink:#1c2330;--soft:#5b6675;--faint:#d9dee6;--card:#fff;--back:#f4f6f9;
    --link:#0b5cad;--bar:#5b8def;--good:#157347;--goodback:#dff3e6;--bad:#b42318;--badback:#fde7e4}
    @media (prefers-color-scheme:dark){:root{--ink:#e6e9ef;--soft:#9aa5b5;--faint:#2f3947;--card:#1a212c;--back:#10151d;
    --link:#7db7ff;--bar:#4f7fd6;--good:#6fd69a;--goodback:#153324;--bad:#ff9d92;--badback:#43201c}}
    *{box-sizing:border-box}
    body{margin:0;background:var(--back);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
    main,header,footer{max-width:76rem;margin:0 auto;padding:0 1.25rem}
    header{display:flex;flex-wrap:wrap;align-items:center;gap:.35rem .9rem;padding-top:1.5rem;padding-bottom:1rem}
    h1{font-size:1.35rem;margin:0;letter-spacing:-.01em}
    h2{font-size:1.05rem;margin:0 0 .6rem}
    h2 small,.soft{color:var(--soft);font-weight:400;font-size:.87rem}
    a{color:var(--link)}
    nav{margin-left:auto;display:flex;flex-wrap:wrap;gap:.25rem 1rem}
    section{background:var(--card);border:1px solid var(--faint);border-radius:10px;padding:1rem 1.1rem;margin-bottom:1rem;
    min-width:0}
    .grid{display:grid;gap:0 1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));align-items:start}
    .figures{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));margin-bottom:1rem}
    .figures div{background:var(--card);border:1px solid var(--faint);border-radius:10px;padding:.75rem .9rem}
    .figures b{display:block;font-size:1.5rem;font-weight:650;line-height:1.3;white-space:nowrap;font-variant-numeric:tabular-nums}
    .pill{border-radius:99px;padding:.05rem .6rem;font-size:.82rem;font-weight:600;background:var(--goodback);
    color:var(--good);white-space:nowrap}
    .pill.bad{background:var(--badback);color:var(--bad)}
    .alarm{color:var(--bad)}
    table{width:100%;border-collapse:collapse;font-size:.93rem}
    th{text-align:left;color:var(--soft);font-weight:500;font-size:.82rem;padding:.2rem .75rem .3rem 0;vertical-align:bottom}
    td{padding:.38rem .75rem .38rem 0;border-top:1px solid var(--faint);vertical-align:top;overflow-wrap:anywhere}
    th:last-child,td:last-child{padding-right:0}
    .n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap;overflow-wrap:normal}
    .long{display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:3;line-clamp:3;overflow:hidden}
    .bar{display:block;width:100%;height:4px;margin-top:.3rem;border-radius:2px;background:var(--faint)}
    .bar rect{fill:var(--bar)}
    .reserved{color:var(--soft);font-style:italic}
    h3{font-size:.97rem;margin:.9rem 0 .3rem;display:flex;flex-wrap:wrap;gap:.2rem .6rem;align-items:center}
    h2+h3{margin-top:0}
    p{margin:.3rem 0}
    code{font:.88em ui-monospace,SFMono-Regular,Menlo,monospace;overflow-wrap:anywhere}
    footer{color:var(--soft);font-size:.87rem;padding-bottom:2rem}
    @media (max-width:40rem){nav{margin-left:0;width:100%}.figures{grid-template-columns:1fr 1fr;gap:.6rem}
    .figures div{padding:.6rem .8rem}.figures b{font-size:1.35rem}
    .stack thead{display:none}.stack tr{display:block;border-top:1px solid var(--faint);padding:.35rem 0}
    .stack tr:first-child{border-top:0}.stack td{display:flex;justify-content:space-between;gap:1rem;border:0;padding:.1rem 0;
    text-align:right;white-space:normal}
    .stack td:first-child{font-weight:650}.stack td:first-child::before{font-weight:400}
    .stack td::before{content:attr(data-l);color:var(--soft);font-size:.82rem;white-space:nowrap}}

    """

  /// SHA-256 of `style`, in base64.
  static let styleHash = "IVgxXerYLXSf+o8aECyDOcWiwCtt4vpkTblpoFlbVCs="

  /// What a browser may do with the page: show it, and nothing else.
  static let securityHeaders: [(name: String, value: String)] = [
    (
      "Content-Security-Policy",
      "default-src 'none'; style-src 'sha256-\(styleHash)'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
  ]
}
