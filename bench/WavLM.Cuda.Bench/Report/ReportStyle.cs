namespace WavLM.Cuda.Bench.Report;

/// <summary>How a page looks. Two sets of colours, chosen by what the reader's system prefers; print takes the light one.</summary>
internal static class ReportStyle
{
    /// <summary>The style sheet.</summary>
    public const string Sheet = """
        :root { color-scheme: light dark; --page: #fbfbf9; --ink: #1d1d1b; --soft: #63625d; --line: #dcdbd5; --faint: #eeede8; --track: #e9e8e2;
          --fp16: #2a78d6; --bf16: #e2622b; --fp32: #6a4fc3; --int8: #0f8a62; --other: #77766f; --measured: #b9cfe9; --least: #2a78d6; --noise: #e4e3dc; --slower: #c8322f; --faster: #11804d; --warn: #fff3d6; --warn-ink: #6b4a00; }
        @media (prefers-color-scheme: dark) { :root { --page: #191918; --ink: #ecebe6; --soft: #a3a29a; --line: #3b3b38; --faint: #292927; --track: #30302d;
          --fp16: #4a95ec; --bf16: #ef7d48; --fp32: #a08cf0; --int8: #35b98b; --other: #9b9a92; --measured: #2d4767; --least: #4a95ec; --noise: #3a3a36; --slower: #f0716c; --faster: #4cc38a; --warn: #46370f; --warn-ink: #ffe2a0; } }
        @media print { :root { color-scheme: light; --page: #fff; --ink: #000; --soft: #444; --line: #ccc; --faint: #eee; --track: #e6e6e6;
          --fp16: #2a78d6; --bf16: #e2622b; --fp32: #6a4fc3; --int8: #0f8a62; --other: #777; --measured: #b9cfe9; --least: #2a78d6; --noise: #ddd; --slower: #c8322f; --faster: #11804d; --warn: #fff3d6; --warn-ink: #6b4a00; }
          * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } figure, tr { break-inside: avoid; } h2, h3 { break-after: avoid; } }
        @page { margin: 14mm; }
        * { box-sizing: border-box; }
        body { margin: 0 auto; padding: 48px 32px 80px; max-width: 1104px; background: var(--page); color: var(--ink);
          font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; font-variant-numeric: tabular-nums lining-nums; }
        h1 { margin: 0; font-size: 30px; font-weight: 600; letter-spacing: -0.01em; line-height: 1.2; }
        h2 { margin: 0 0 4px; font-size: 21px; font-weight: 600; }
        h3 { margin: 36px 0 8px; font-size: 15px; font-weight: 600; }
        section { margin-top: 56px; padding-top: 20px; border-top: 1px solid var(--line); }
        .sub, .note, small { color: var(--soft); } .sub { margin: 6px 0 0; } .note { margin: 6px 0; max-width: 76ch; }
        .banner { margin: 20px 0 0; padding: 12px 16px; border-radius: 6px; background: var(--warn); color: var(--warn-ink); font-weight: 600; }
        dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 20px; margin: 20px 0 0; } dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
        .tiles { display: flex; flex-wrap: wrap; gap: 10px 40px; margin: 18px 0 0; } .tiles div { min-width: 110px; } .tiles b { display: block; font-size: 22px; font-weight: 600; line-height: 1.25; } .tiles span { color: var(--soft); font-size: 13px; }
        figure { margin: 26px 0 0; min-width: 0; } figcaption { font-weight: 600; margin-bottom: 4px; } figcaption small { display: block; font-size: 13px; font-weight: 400; }
        .pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(440px, 1fr)); gap: 0 44px; }
        svg { display: block; width: 100%; height: auto; overflow: visible; font-family: inherit; }
        .legend { display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 2px 0 8px; color: var(--soft); font-size: 13px; } .legend span { display: inline-flex; align-items: center; gap: 6px; }
        .key { width: 14px; height: 14px; } .swatch { width: 18px; height: 10px; border-radius: 2px; } .dot { width: 9px; height: 9px; border-radius: 50%; }
        .fp16 { --series: var(--fp16); } .bf16 { --series: var(--bf16); } .fp32 { --series: var(--fp32); } .int8 { --series: var(--int8); } .other { --series: var(--other); } .memory { --series: var(--soft); }
        .mark { fill: var(--series); stroke: var(--page); stroke-width: 1.2; }
        .grid { stroke: var(--line); stroke-width: 1; } .grid.faint { stroke: var(--faint); }
        .roof { stroke: var(--series); stroke-width: 2; fill: none; } .roof-name { fill: var(--series); font-size: 12px; font-weight: 600; }
        .leader { stroke: var(--soft); stroke-width: 0.7; opacity: 0.7; }
        svg text { fill: var(--ink); font-size: 12px; } svg text.label { font-size: 11px; } svg text.tick, svg text.axis, svg text.reason { fill: var(--soft); } svg text.roof-name { fill: var(--series); }
        svg text.strong, td.strong { font-weight: 600; }
        rect.measured { fill: var(--measured); } i.measured { background: var(--measured); } rect.least { fill: var(--least); } i.least { background: var(--least); }
        rect.track { fill: var(--track); } rect.noise { fill: var(--noise); } i.noise { background: var(--noise); } rect.ours { fill: var(--fp16); } rect.theirs { fill: var(--other); opacity: 0.55; }
        circle.same { fill: var(--other); } i.same { background: var(--other); } circle.slower { fill: var(--slower); } i.slower { background: var(--slower); } circle.faster { fill: var(--faster); } i.faster { background: var(--faster); }
        .verdict { margin: 12px 0; font-size: 17px; font-weight: 600; } .verdict.slower, td.slower { color: var(--slower); } td.faster { color: var(--faster); } td.slower, td.faster { font-weight: 600; }
        .scroll { overflow-x: auto; margin-top: 12px; } table { width: 100%; border-collapse: collapse; font-size: 13px; line-height: 1.35; }
        th { text-align: left; font-weight: 500; color: var(--soft); } th, td { white-space: nowrap; padding: 5px 14px 5px 0; border-bottom: 1px solid var(--faint); vertical-align: baseline; } th { border-bottom-color: var(--line); }
        th.number, td.number { text-align: right; } td.reason, td.word { white-space: normal; } th:last-child, td:last-child { padding-right: 0; } td.reason { color: var(--soft); font-style: italic; }
        td.share svg { display: inline-block; width: 60px; margin-right: 8px; vertical-align: 0; } td.share span { display: inline-block; min-width: 44px; } td.ratio { width: 204px; vertical-align: middle; } td.ratio svg { width: 190px; }
        @media print { body { padding: 0; max-width: none; font-size: 12px; } table { font-size: 10px; } .scroll { overflow: visible; } th, td { padding-right: 8px; } section { margin-top: 32px; } }
        """;
}
