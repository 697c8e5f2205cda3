"""Lines of pieces as text, Markdown, HTML, RTF and LaTeX. Every writer returns whether the text read back is the source's."""

import html
import re

TEX = {"\\": "\\textbackslash{}", "{": "\\{", "}": "\\}", "^": "\\textasciicircum{}", "~": "\\textasciitilde{}", "#": "\\#", "$": "\\$", "%": "\\%", "&": "\\&", "_": "\\_", "'": "\\textquotesingle{}", "`": "\\textasciigrave{}", "-": "{-}", "<": "\\textless{}", ">": "\\textgreater{}", '"': "\\textquotedbl{}", " ": "~", ",": "{,}"}


def write_txt(text, lines, look):
    OUTPUT.write_text(text, "utf-8", newline="")
    return OUTPUT.read_bytes().decode("utf-8") == text


def write_md(text, lines, look):
    fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", text)), default=0))
    body = plain(lines)
    language = LANGUAGES.get(SOURCE_TYPE, ("", ""))[1]
    end = "" if body.endswith("\n") else "\n"
    OUTPUT.write_text(f"{fence}{language}\n{body}{end}{fence}\n", "utf-8", newline="")
    return OUTPUT.read_bytes().decode("utf-8")[len(fence) + len(language) + 1 : -len(fence) - 1 - len(end)] == body


def write_html(text, lines, look):
    lines = printable(lines)
    css = [f"body{{margin:0;background:{look.background}}}", f"pre{{margin:0;padding:1rem;color:{look.foreground};font:14px/1.45 ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;tab-size:{OPTIONS['tab_width']}}}"]
    for number, (colour, bold, italic, underline) in enumerate(look.kinds):
        rule = f"color:{colour}" + ";font-weight:bold" * bold + ";font-style:italic" * italic + ";text-decoration:underline" * underline
        css.append(f".k{number}{{{rule}}}")
    if OPTIONS["line_numbers"]:
        css.append(f"pre{{counter-reset:n}}.l::before{{counter-increment:n;content:counter(n);display:inline-block;width:{len(str(len(lines))) + 1}ch;margin-right:1ch;text-align:right;opacity:.5}}")
    rows = []
    for line in lines:
        row = "".join(html.escape(part, quote=False) if kind == look.plain else f'<span class="k{kind}">{html.escape(part, quote=False)}</span>' for kind, part in line)
        rows.append(f'<span class="l">{row}</span>' if OPTIONS["line_numbers"] else row)
    title = html.escape(f"Source code: {LANGUAGES[SOURCE_TYPE][1]}" if SOURCE_TYPE in LANGUAGES else "Text")
    page = f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">\n<title>{title}</title>\n<style>{"".join(css)}</style>\n</head>\n<body>\n<pre><code>'
    # a newline right after <pre> would be dropped by parsers; <code> stands between
    OUTPUT.write_text(page + "\n".join(rows) + "</code></pre>\n</body>\n</html>\n", "utf-8", newline="")
    made = OUTPUT.read_bytes().decode("utf-8").partition("<pre><code>")[2].rpartition("</code></pre>")[0]
    return html.unescape(re.sub(r"<[^>]*>", "", made)) == plain(lines)


def write_rtf(text, lines, look):
    """RTF 1.9: Unicode as \\uN with a question mark for old readers; the text is ASCII throughout."""

    def escaped(text):
        if text.isascii() and not re.search(r"[\\{}\t\x00-\x1f]", text):
            return text
        return "".join(
            f"\\{letter}" if letter in "\\{}" else "\\tab " if letter == "\t" else letter if letter.isascii() else unicoded(letter)
            for letter in text
        )

    lines = printable(lines)
    colours = "".join("\\red{}\\green{}\\blue{};".format(*rgb(colour)) for colour, *_ in look.kinds)
    rows = []
    for number, line in numbered(lines):
        row = f"{{\\cf0 {number}}}" if number else ""
        for kind, part in line:
            _, bold, italic, underline = look.kinds[kind]
            face = "\\b" * bold + "\\i" * italic + "\\ul" * underline
            row += f"{{\\cf{kind + 1}{face} {escaped(part)}}}"
        rows.append(row)
    head = "{\\rtf1\\ansi\\ansicpg1252\\uc1\\deff0{\\fonttbl{\\f0\\fmodern\\fprq1 DejaVu Sans Mono;}}{\\colortbl;" + colours + "}\\f0\\fs" + str(round(OPTIONS["font_size"] * 2)) + "\n"
    OUTPUT.write_text(head + "\\line\n".join(rows) + "\\par}\n", "ascii", newline="")
    made = OUTPUT.read_text("ascii")[len(head) : -len("\\par}\n")].replace("\n", "")
    made = re.sub(r"\{\\cf0 [ 0-9]*\}", "", made) if OPTIONS["line_numbers"] else made
    units = {"line": "\n", "tab": "\t"}
    parts = re.findall(r"\\u(-?\d+)\?|\\([\\{}])|\\(line|tab) ?|\\[a-z]+\d* ?|([^\\{}])", made)
    codes = b"".join((int(code) % 65536).to_bytes(2, "little") if code else (char or units.get(word, "") or letter).encode("utf-16-le") for code, char, word, letter in parts)
    return codes.decode("utf-16-le") == plain(lines)


def unicoded(letter):
    raw = letter.encode("utf-16-le")
    return "".join(f"\\u{int.from_bytes(raw[at : at + 2], 'little', signed=True)}?" for at in range(0, len(raw), 2))


def write_tex(text, lines, look):
    """A document for pdflatex, xelatex or lualatex that needs only packages every installation has."""
    lines = [untabbed(line) for line in printable(lines)]
    head = ["\\documentclass{article}", "\\usepackage{iftex}", "\\ifPDFTeX\\usepackage[T1]{fontenc}\\usepackage[utf8]{inputenc}\\else\\usepackage{fontspec}\\fi"]
    head += ["\\usepackage{textcomp,xcolor}", "\\usepackage[margin=2cm]{geometry}", "\\setlength{\\parindent}{0pt}\\raggedright"]
    for number, (colour, bold, italic, _) in enumerate(look.kinds):
        name = letters(number)
        head.append(f"\\definecolor{{k{name}}}{{RGB}}{{{','.join(map(str, rgb(colour)))}}}")
        face = ("\\bfseries " if bold else "") + ("\\itshape " if italic else "")
        head.append(f"\\newcommand{{\\k{name}}}[1]{{\\textcolor{{k{name}}}{{{face}#1}}}}")
    rows = []
    for number, line in numbered(lines):
        row = "\\textcolor{gray}{" + number.replace(" ", "~") + "}" if number else ""
        row += "".join(f"\\k{letters(kind)}{{{''.join(TEX.get(letter, letter) for letter in part)}}}" for kind, part in line)
        rows.append("\\mbox{}" + row + "\\\\")
    text_head = "\n".join(head) + "\n\\begin{document}\n\\ttfamily\\small\n"
    OUTPUT.write_text(text_head + "\n".join(rows) + "\n\\end{document}\n", "utf-8", newline="")
    made = OUTPUT.read_bytes().decode("utf-8")[len(text_head) : -len("\n\\end{document}\n")]
    made = re.sub(r"\\textcolor\{gray\}\{[~0-9]*\}", "", made)
    made = re.sub(r"\\k[a-z]+\{", "\x01", "\n".join(row[len("\\mbox{}") : -2] for row in made.split("\n")))
    for letter, command in TEX.items():
        made = made.replace(command, chr(0xF0000 + ord(letter)))  # a private code, so that no later command is found in it
    made = re.sub("[\U000f0000-\U000f007f]", lambda match: chr(ord(match[0]) - 0xF0000), made.replace("\x01", "").replace("}", ""))
    return made == plain(lines)


def letters(number):
    return chr(97 + number // 26) + chr(97 + number % 26)
