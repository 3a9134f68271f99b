extension Page {
  /// The page's only style. Its hash stands in the Content-Security-Policy, so that no other style is ever applied.
  ///
  /// Colour means something: red wakes somebody, amber opens a ticket, blue can be followed. All else is grey.
  static let style = """

    :root{color-scheme:light dark;--ink:#1b222c;--soft:#586272;--faint:#e3e7ed;--line:#d3d9e1;--card:#fff;--back:#f3f5f8;
    --link:#0a58a8;--bars:#a9b4c4;--now:#3c4858;--good:#146c3f;--goodback:#e1f3e8;--page:#b3261e;--pageback:#fce8e6;
    --ticket:#7a4d00;--ticketback:#fcefd3}
    @media (prefers-color-scheme:dark){:root{--ink:#e4e8ee;--soft:#98a3b3;--faint:#262e39;--line:#333d4a;--card:#181e27;
    --back:#0f131a;--link:#7db4fa;--bars:#566477;--now:#c6d0de;--good:#72d39b;--goodback:#14301f;--page:#ff9a90;
    --pageback:#43201d;--ticket:#f2c468;--ticketback:#3a2c0e}}
    *{box-sizing:border-box}
    body{margin:0;background:var(--back);color:var(--ink);font:14px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,
    "Noto Sans",sans-serif}
    main,header,footer{max-width:88rem;margin:0 auto;padding:0 1.25rem}
    header{display:flex;flex-wrap:wrap;align-items:baseline;gap:.3rem .9rem;padding-top:1.1rem;padding-bottom:.9rem}
    h1{font-size:1.15rem;margin:0;letter-spacing:-.01em}
    h2{font-size:1rem;margin:0 0 .45rem;letter-spacing:-.005em}
    h2 small,.soft{color:var(--soft);font-weight:400;font-size:.85rem;letter-spacing:0}
    a{color:var(--link);text-decoration-thickness:1px;text-underline-offset:2px}
    a:focus-visible,summary:focus-visible{outline:2px solid var(--link);outline-offset:2px;border-radius:2px}
    nav{margin-left:auto;display:flex;flex-wrap:wrap;gap:.25rem 1rem}
    section,.figures{background:var(--card);border:1px solid var(--line);border-radius:8px;margin:0 0 .9rem;min-width:0}
    section{padding:.8rem 1rem .7rem}
    .verdict{border-left:4px solid var(--line)}
    .verdict.calm{border-left-color:var(--good)}
    .verdict.page{border-left-color:var(--page)}
    .verdict.ticket{border-left-color:var(--ticket)}
    .verdict h2{font-size:1.15rem}
    .verdict p{margin:0 0 .3rem}
    details{color:var(--soft);font-size:.85rem;margin-top:.5rem}
    summary{cursor:pointer}
    details p{margin:.35rem 0 .1rem}
    details a,details strong{display:inline-block;margin-right:.8rem;font-weight:400}
    .pair{display:grid;gap:0 .9rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,32rem),1fr));align-items:start}
    .figures{display:grid;grid-template-columns:repeat(5,1fr);padding:.7rem 0}
    .figures div{padding:0 1rem;border-left:1px solid var(--faint);min-width:0}
    .figures div:first-child{border-left:0}
    .figures dt{color:var(--soft);font-size:.85rem}
    .figures dd{margin:0}
    .figures b{display:block;font-size:1.45rem;font-weight:600;line-height:1.3;letter-spacing:-.01em;white-space:nowrap;
    font-variant-numeric:tabular-nums}
    .figures .plot{width:100%;height:1.5rem}
    .pill{display:inline-block;border-radius:4px;padding:0 .4rem;font-size:.75rem;font-weight:600;line-height:1.5;
    white-space:nowrap}
    .pill.good{background:var(--goodback);color:var(--good)}
    .pill.page{background:var(--pageback);color:var(--page)}
    .pill.ticket{background:var(--ticketback);color:var(--ticket)}
    .alarm{color:var(--page);font-weight:600}
    table{width:100%;border-collapse:collapse}
    th,td{padding:.32rem .9rem .32rem 0;text-align:left;vertical-align:top;font-weight:400;overflow-wrap:anywhere}
    th:last-child,td:last-child{padding-right:0}
    thead th{color:var(--soft);font-size:.8rem;padding-top:0;padding-bottom:.25rem;vertical-align:bottom}
    thead th::first-letter{text-transform:uppercase}
    tbody th,tbody td{border-top:1px solid var(--faint)}
    tbody th>.soft{display:block;overflow-wrap:anywhere}
    .n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap;overflow-wrap:normal}
    td.n{min-width:3.6rem}
    .c{min-width:6.5rem}
    .quiet{color:var(--soft)}
    .p{width:8.5rem}
    .wide .p{width:9rem}
    .plot{display:block;width:100%;height:1.35rem;border-bottom:1px solid var(--line);fill:var(--bars)}
    .plot .now{fill:var(--now)}
    .long{display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:3;line-clamp:3;overflow:hidden}
    .bar{display:block;width:100%;height:3px;margin-top:.3rem;border-radius:2px;background:var(--faint)}
    .bar rect{fill:var(--bars)}
    .reserved{font-style:italic}
    .feed{display:block}
    form{display:grid;grid-template-columns:repeat(auto-fit,minmax(10rem,1fr));gap:.5rem .9rem;align-items:end;
    margin:0 0 .9rem}
    label{color:var(--soft);font-size:.85rem}
    input,button{display:block;width:100%;font:inherit;font-size:.875rem;color:var(--ink);background:var(--card);
    border:1px solid var(--line);border-radius:6px;padding:.3rem .5rem}
    h3{font-size:.95rem;font-weight:600;margin:.8rem 0 .2rem;display:flex;flex-wrap:wrap;gap:.2rem .6rem;
    align-items:baseline}
    h2+h3{margin-top:0}
    p{margin:.3rem 0}
    pre{margin:0;white-space:pre-wrap;font:.85em ui-monospace,SFMono-Regular,Menlo,monospace}
    code{font:.9em ui-monospace,SFMono-Regular,Menlo,monospace}
    footer{color:var(--soft);font-size:.85rem;padding-top:.2rem;padding-bottom:1.5rem}
    @media (max-width:60rem){.figures{grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.7rem 0}
    .figures div{border-left:0}}
    @media (max-width:42rem){main,header,footer{padding-left:.75rem;padding-right:.75rem}section{padding:.7rem .75rem}
    nav{margin-left:0;width:100%}.figures{grid-template-columns:1fr 1fr}.figures div{padding:0 .75rem}
    thead{display:none}.stack tr,.trend tr,.alerts tr{display:grid;border-top:1px solid var(--faint);padding:.4rem 0}
    .stack tbody tr:first-child,.trend tbody tr:first-child,.alerts tbody tr:first-child{border-top:0}
    .alerts tr{grid-template-columns:auto 1fr;gap:0 .8rem}.alerts tr>th{grid-column:1/-1}.alerts td{text-align:left}
    .c,td.n{min-width:0}.alerts .n{white-space:normal}
    tbody th,tbody td{border:0;padding:.1rem 0}
    .stack td{display:flex;justify-content:space-between;gap:1rem;text-align:right;white-space:normal}
    .stack td::before,.trend .n::before{content:attr(data-l);color:var(--soft);font-size:.85rem;font-weight:400;
    white-space:nowrap}
    .wide .p{width:50%;margin-left:50%}.wide .p:empty{display:none}
    .trend tr{grid-template-columns:1fr auto auto;gap:0 1rem;align-items:end}.trend tr>th{grid-column:1/-1}
    .trend .p{width:auto}.trend .n::before{margin-right:.4rem}}

    """

  /// SHA-256 of `style`, in base64.
  static let styleHash = "ZjPnhG0pSrqjQqLm4HewPI/He9p5f/QcgzSJhdfcVmc="

  /// What a browser may do with a page: show it, send its form here if it has one, and nothing else.
  static func securityHeaders(hasForm: Bool = false) -> [(name: String, value: String)] {
    [
      (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'sha256-\(styleHash)'; base-uri 'none'; "
          + "form-action '\(hasForm ? "self" : "none")'; frame-ancestors 'none'"
      ),
      ("X-Frame-Options", "DENY"),
      ("Referrer-Policy", "no-referrer"),
      ("Cross-Origin-Opener-Policy", "same-origin"),
    ]
  }
}
