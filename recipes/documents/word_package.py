"""The parts around the body of a Word document (styles, lists, relations, properties), zipped, read back and counted."""

HEADER = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
OFFICE = "application/vnd.openxmlformats-officedocument.wordprocessingml"
PACKAGE_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
PARAGRAPH_STYLES = [  # id, name, paragraph properties, run properties
    ("Title", "Title", '<w:spacing w:after="240"/>', '<w:b/><w:sz w:val="44"/>'),
    ("Quote", "Quote", '<w:ind w:left="567" w:right="567"/>', "<w:i/>"),
    ("Caption", "caption", "", "<w:i/>"),
    ("ListParagraph", "List Paragraph", '<w:spacing w:after="40"/><w:contextualSpacing/>', ""),
    (
        "SourceCode",
        "Source Code",
        '<w:shd w:val="clear" w:color="auto" w:fill="F4F4F4"/><w:spacing w:line="240" w:lineRule="auto"/>',
        '<w:rFonts w:ascii="Consolas" w:hAnsi="Consolas" w:cs="Consolas"/><w:sz w:val="18"/>',
    ),
]
HEADING_SIZES = (36, 30, 26, 24, 22, 22)


def styles_part():
    styles = [
        '<w:docDefaults><w:rPrDefault><w:rPr><w:rFonts w:ascii="Calibri" w:hAnsi="Calibri" w:eastAsia="Noto Sans CJK SC" w:cs="Calibri"/><w:sz w:val="22"/><w:szCs w:val="22"/></w:rPr></w:rPrDefault>'
        '<w:pPrDefault><w:pPr><w:spacing w:after="120" w:line="264" w:lineRule="auto"/></w:pPr></w:pPrDefault></w:docDefaults>'
        '<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/><w:qFormat/></w:style>'
        '<w:style w:type="character" w:default="1" w:styleId="DefaultParagraphFont"><w:name w:val="Default Paragraph Font"/></w:style>'
        '<w:style w:type="character" w:styleId="Hyperlink"><w:name w:val="Hyperlink"/><w:rPr><w:color w:val="0563C1"/><w:u w:val="single"/></w:rPr></w:style>'
        '<w:style w:type="character" w:styleId="VerbatimChar"><w:name w:val="Verbatim Char"/><w:rPr><w:rFonts w:ascii="Consolas" w:hAnsi="Consolas" w:cs="Consolas"/></w:rPr></w:style>'
        '<w:style w:type="table" w:default="1" w:styleId="TableNormal"><w:name w:val="Normal Table"/><w:tblPr><w:tblCellMar><w:left w:w="108" w:type="dxa"/><w:right w:w="108" w:type="dxa"/></w:tblCellMar></w:tblPr></w:style>'
        '<w:style w:type="table" w:styleId="TableGrid"><w:name w:val="Table Grid"/><w:basedOn w:val="TableNormal"/><w:tblPr><w:tblBorders>'
        + "".join(
            f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="999999"/>'
            for side in ("top", "left", "bottom", "right", "insideH", "insideV")
        )
        + "</w:tblBorders></w:tblPr></w:style>"
    ]
    for level, size in enumerate(HEADING_SIZES, 1):
        styles.append(
            f'<w:style w:type="paragraph" w:styleId="Heading{level}"><w:name w:val="heading {level}"/><w:basedOn w:val="Normal"/><w:next w:val="Normal"/><w:qFormat/>'
            f'<w:pPr><w:keepNext/><w:spacing w:before="240" w:after="80"/><w:outlineLvl w:val="{level - 1}"/></w:pPr><w:rPr><w:b/><w:sz w:val="{size}"/></w:rPr></w:style>'
        )
    for style, name, paragraph, run in PARAGRAPH_STYLES:
        styles.append(
            f'<w:style w:type="paragraph" w:styleId="{style}"><w:name w:val="{name}"/><w:basedOn w:val="Normal"/><w:qFormat/><w:pPr>{paragraph}</w:pPr><w:rPr>{run}</w:rPr></w:style>'
        )
    return f'{HEADER}<w:styles xmlns:w="{WORD}">{"".join(styles)}</w:styles>'


def numbering_part(numbers):
    def abstract(number, forms):
        levels = "".join(
            f'<w:lvl w:ilvl="{level}"><w:start w:val="1"/><w:numFmt w:val="{forms}"/><w:lvlText w:val="{"•◦▪"[level % 3] if forms == "bullet" else f"%{level + 1}."}"/>'
            f'<w:lvlJc w:val="left"/><w:pPr><w:ind w:left="{(level + 1) * 425}" w:hanging="360"/></w:pPr></w:lvl>'
            for level in range(9)
        )
        return f'<w:abstractNum w:abstractNumId="{number}"><w:multiLevelType w:val="hybridMultilevel"/>{levels}</w:abstractNum>'

    parts = [abstract(number, form) for number, form in enumerate(["bullet", *NUMBER_FORMATS.values()])]
    parts.append('<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>')
    parts += [
        f'<w:num w:numId="{at}"><w:abstractNumId w:val="{form + 1}"/><w:lvlOverride w:ilvl="{level}"><w:startOverride w:val="{start}"/></w:lvlOverride></w:num>'
        for at, (form, level, start) in enumerate(numbers, 2)
    ]
    return f'{HEADER}<w:numbering xmlns:w="{WORD}">{"".join(parts)}</w:numbering>'


def relations_part(entries):
    lines = "".join(
        f'<Relationship Id="{name}" Type="{kind}" Target={quoteattr(target)}'
        + (' TargetMode="External"/>' if outside else "/>")
        for name, kind, target, outside in entries
    )
    return f'{HEADER}<Relationships xmlns="{PACKAGE_RELATIONS}">{lines}</Relationships>'


def write_docx(body, title):
    writer = WordWriter(body)
    writer.flow(body, "", 0)
    writer.flush("")
    size = f'w:w="{writer.page[0]}" w:h="{writer.page[1]}"' + (
        ' w:orient="landscape"' if writer.page[0] > writer.page[1] else ""
    )
    document = (
        f"{HEADER}<w:document {NAMESPACES}><w:body>{''.join(writer.out)}<w:p/>"
        if writer.out[-1:] and writer.out[-1].endswith("</w:tbl>")
        else f"{HEADER}<w:document {NAMESPACES}><w:body>{''.join(writer.out)}"
    )
    document += f'<w:sectPr><w:pgSz {size}/><w:pgMar w:top="1134" w:right="1134" w:bottom="1134" w:left="1134" w:header="709" w:footer="709" w:gutter="0"/></w:sectPr></w:body></w:document>'
    relations = [
        ("s1", f"{RELATIONS}/styles", "styles.xml", False),
        ("n1", f"{RELATIONS}/numbering", "numbering.xml", False),
    ]
    relations += [(name, f"{RELATIONS}/hyperlink", href, True) for href, name in writer.relations.items()]
    relations += [
        (f"m{number}", f"{RELATIONS}/image", f"media/{name}", False) for number, (name, _) in enumerate(writer.media, 1)
    ]
    core = (
        f'{HEADER}<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<dc:title>{xml_text(title[:300])}</dc:title></cp:coreProperties>"
    )
    types = (
        f'{HEADER}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/><Default Extension="png" ContentType="image/png"/><Default Extension="jpeg" ContentType="image/jpeg"/><Default Extension="gif" ContentType="image/gif"/>'
        f'<Override PartName="/word/document.xml" ContentType="{OFFICE}.document.main+xml"/><Override PartName="/word/styles.xml" ContentType="{OFFICE}.styles+xml"/>'
        f'<Override PartName="/word/numbering.xml" ContentType="{OFFICE}.numbering+xml"/><Override PartName="/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.core-properties+xml"/></Types>'
    )
    with zipfile.ZipFile(OUTPUT, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
        package.writestr("[Content_Types].xml", types)
        package.writestr(
            "_rels/.rels",
            relations_part(
                [
                    ("d", f"{RELATIONS}/officeDocument", "word/document.xml", False),
                    (
                        "c",
                        "http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties",
                        "docProps/core.xml",
                        False,
                    ),
                ]
            ),
        )
        package.writestr("docProps/core.xml", core)
        for name, part in (
            ("document.xml", document),
            ("styles.xml", styles_part()),
            ("numbering.xml", numbering_part(writer.numbers)),
            ("_rels/document.xml.rels", relations_part(relations)),
        ):
            package.writestr(f"word/{name}", part.encode("utf-8", "replace"))
        for name, raw in writer.media:
            package.writestr(zipfile.ZipInfo(f"word/media/{name}"), raw)
    with zipfile.ZipFile(OUTPUT) as package:
        root = etree.fromstring(
            package.read("word/document.xml"), etree.XMLParser(huge_tree=True, resolve_entities=False)
        )
    compare(body.text_content(), "".join(root.itertext()))
    return {
        "paragraphs": sum(1 for _ in root.iter(f"{{{WORD}}}p")),
        "tables": sum(1 for _ in root.iter(f"{{{WORD}}}tbl")),
        "pictures": len(writer.media),
    }
