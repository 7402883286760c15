"""Writes src/engine/text/tokens/pieces/class-tables.ts: which code points Hugging Face's tokenizers (the Rust library)
takes for letters, punctuation, white space and so on. Run: python text_classes.py, with tokenizers 0.23.3 and Node on the PATH.
"""

import json
import subprocess
from pathlib import Path

from tokenizers import normalizers, pre_tokenizers
import tokenizers

root = Path(__file__).parents[2]
target = root / "src/engine/text/tokens/pieces/class-tables.ts"

code_points = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def bert(**options):
    off = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**off, **options}).normalize_str


clean, strip = bert(clean_text=True), bert(strip_accents=True)
strip_accents = normalizers.StripAccents().normalize_str
bert_words = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
bytes_words = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str
words = pre_tokenizers.Whitespace().pre_tokenize_str
spaced = pre_tokenizers.WhitespaceSplit().pre_tokenize_str
digits = pre_tokenizers.Digits(individual_digits=True).pre_tokenize_str

classes = {
    "whiteSpace": lambda c: len(spaced(f"a{c}b")) == 2,
    "punctuation": lambda c: len(bert_words(f"a{c}b")) == 3,
    "letter": lambda c: len(bytes_words(f"a{c}")) == 1,
    "number": lambda c: len(bytes_words(f"1{c}")) == 1,
    "dropped": lambda c: clean(c) == "",
    "nonspacing": lambda c: strip(c) == "",
    "mark": lambda c: strip_accents(c) == "",
    "word": lambda c: len(words(f"a{c}b")) == 1,
    "numeric": lambda c: len(digits(f"a{c}b")) == 3,
}


# Node's ICU: what it makes of each code point between two marks, where that is not what it was.
node_forms = """
const found = [];
for (let c = 0; c < 0x110000; c++) {
  if (c >= 0xd800 && c < 0xe000) continue;
  const text = "\\u0301" + String.fromCodePoint(c) + "\\u0334";
  const nfd = text.normalize("NFD"), nfkd = text.normalize("NFKD");
  if (nfd !== text || nfkd !== text) found.push([c, nfd, nfkd]);
}
console.log(JSON.stringify(found));
"""


def newer():
    """Code points that have a normal form or an order in Node's tables, and none or another in those of the library."""
    found = json.loads(subprocess.check_output(["node", "-e", node_forms]))
    nfd, nfkd = normalizers.NFD().normalize_str, normalizers.NFKD().normalize_str
    for c, node_nfd, node_nfkd in found:
        text = f"\u0301{chr(c)}\u0334"
        if nfd(text) != node_nfd or nfkd(text) != node_nfkd:
            yield c


def base36(number):
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    text = digits[number % 36]
    while number := number // 36:
        text = digits[number % 36] + text
    return text


def ranges(members):
    """Gaps and lengths, by turns."""
    numbers, end = [], 0
    for c in members:
        if numbers and c == end:
            numbers[-1] += 1
        else:
            numbers += [c - end, 1]
        end = c + 1
    return " ".join(map(base36, numbers))


tables = {name: ranges(c for c in code_points if has(chr(c))) for name, has in classes.items()}
tables["newer"] = ranges(newer())

lines = "\n".join(f'  {name}:\n    "{text}",' for name, text in tables.items())
target.write_text(
    f"""// Made by scripts/goldens/text_classes.py with tokenizers {tokenizers.__version__}.

/** By class: its code points as gaps and lengths, by turns, in base 36. They are those of the Rust library, whose tables are of
 *  several versions of Unicode. Those of Node change with every version. */
export const classTables = {{
{lines}
}} as const;
"""
)
