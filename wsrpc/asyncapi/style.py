"""How the page looks: on a phone, on paper, by day and by night."""

from typing import Final

CSS: Final = """
:root {
  color-scheme: light dark;
  --text: #1c2024; --soft: #4b5563; --line: #d5d9df; --back: #ffffff; --block: #f4f5f7;
  --link: #0b57a4; --mark: #8a3b00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #e6e8eb; --soft: #a9b1bc; --line: #3a414b; --back: #15181c; --block: #1f242a;
    --link: #8cc2ff; --mark: #ffb784;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body {
  margin: 0; background: var(--back); color: var(--text);
  font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: anywhere;
}
header, main, nav { max-width: 50rem; margin: 0 auto; padding: 0 1rem; }
header { padding-top: 1.5rem; }
h1, h2, h3, h4 { line-height: 1.25; margin: 2em 0 0.5em; }
h1 { font-size: 1.75rem; margin: 0; }
h2 { font-size: 1.4rem; padding-top: 1em; border-top: 1px solid var(--line); }
h3 { font-size: 1.15rem; }
h4 { font-size: 1rem; margin-top: 1.25em; }
p { margin: 0.5em 0; }
.text { white-space: pre-line; }
.soft { color: var(--soft); }
a { color: var(--link); }
a:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 2px; }
code, pre { font-family: ui-monospace, monospace; font-size: 0.92em; }
pre {
  margin: 0.5em 0; padding: 0.7em 0.9em; border: 1px solid var(--line); border-radius: 6px;
  background: var(--block); white-space: pre-wrap;
}
nav ul { margin: 0.25em 0 0.75em; padding-left: 1.25em; }
main ul { margin: 0.5em 0; padding-left: 1.25em; }
li { margin: 0.2em 0; }
.tag {
  font-size: 0.75rem; font-weight: normal; color: var(--soft); border: 1px solid var(--line);
  border-radius: 1em; padding: 0.1em 0.6em; margin-left: 0.4em; white-space: nowrap;
}
.required { color: var(--mark); }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; top: 0.5rem; background: var(--back); padding: 0.5em; z-index: 1; }
@media print {
  :root { --text: #000; --soft: #333; --line: #bbb; --back: #fff; --block: #fff; --link: #000; }
  :root { --mark: #000; }
  .skip { display: none; }
  h2, h3, h4 { break-after: avoid; }
  pre, li { break-inside: avoid; }
}
"""
