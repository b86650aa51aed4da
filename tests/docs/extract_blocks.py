#!/usr/bin/env python3
"""extract_blocks.py ROOT OUT: makes a test of every code block of README.md, docs/ and the public headers.

What stands under one heading in ```cpp fences is the body of one function, in order, which runs and must succeed. Where the fence
says `cpp declarations` it stands before that function, outside. A whole program must be one of examples/, word for word. In a
header, lines of a /// comment that are indented by five spaces are code if one of them ends with a semicolon. Links between
pages must lead somewhere, and tests that they name by acceptance id must exist.
"""
import pathlib
import re
import sys


class Section:
    def __init__(self, page, title):
        self.page, self.title, self.declarations, self.body = page, title, [], []


def located(page, first_line, lines):
    return [f'#line {first_line} "{page}"'] + lines


def sections_of_page(page):
    section, fence, start, lines = Section(page, "Top"), None, 0, []
    sections = [section]
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if fence is None and re.match(r"#+ ", line):
            section = Section(page, line.lstrip("# "))
            sections.append(section)
        elif fence is None and line.startswith("```"):
            fence, start, lines = line[3:].strip(), number + 1, []
        elif fence is not None and line.startswith("```"):
            if fence.startswith("cpp"):
                add_block(section, fence, start, lines)
            fence = None
        elif fence is not None:
            lines.append(line)
    return sections


def check_links(page):
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        if not (page.parent / link).exists():
            sys.exit(f"{page}: a link to {link}, which is not there")


def check_tests(page):
    for suite, test in re.findall(r"`(\w+)\.([LOCD]\d\d_\w+)`", page.read_text()):
        if not re.search(rf"\({suite}, {test}\)", sources_of_tests):
            sys.exit(f"{page}: {suite}.{test}: no such test")


def add_block(section, fence, start, lines):
    text = "\n".join(lines) + "\n"
    if "int main(" in text:
        if text not in [path.read_text() for path in examples]:
            sys.exit(f"{section.page}:{start}: this program is none of examples/*/main.cpp")
    elif fence == "cpp":
        section.body += located(section.page, start, lines)
    elif fence == "cpp declarations":
        section.declarations += located(section.page, start, lines)
    else:
        sys.exit(f"{section.page}:{start - 1}: unknown kind of block: {fence}")


def sections_of_header(page):
    block, sections = [], []
    for number, line in enumerate(page.read_text().splitlines() + [""], 1):
        code = re.match(r" */// {5}(\S.*)", line)
        if code:
            block.append(code[1])
        elif block:
            if any(one.endswith(";") for one in block):
                sections.append(Section(page, f"Line{number - len(block)}"))
                sections[-1].body = located(page, number - len(block), block)
            block = []
    return sections


def test_of(section):
    page = section.page.relative_to(root).with_suffix("")
    name = re.sub(r"\W", "_", f"{page}__{section.title}")
    return "\n".join(
        ["", f"namespace {name} {{", *section.declarations, "Expected<> run() {", *section.body, "return {};", "}", f"}}  // namespace {name}"]
        + [f"TEST_F(CodeBlocks, {name}) {{ expect_success({name}::run()); }}"])


root = pathlib.Path(sys.argv[1])
examples = sorted(root.glob("examples/*/main.cpp"))
pages = [root / "README.md", *sorted(root.glob("docs/**/*.md"))]
folders = ("src", "tests", "cli", "bench", "examples")
sources_of_tests = "".join(test.read_text() for folder in folders for test in sorted(root.glob(f"{folder}/**/*_test.cpp")))
for page in pages:
    check_links(page)
    check_tests(page)
found = [section for page in pages for section in sections_of_page(page)]
headers = sorted(root.glob("include/laneway/**/*.h"))
found += [section for header in headers for section in sections_of_header(header)]
includes = sorted({f'#include "{section.page.relative_to(root / "include")}"' for section in found if section.page.suffix == ".h"})
tests = [test_of(section) for section in found if section.body or section.declarations]
pathlib.Path(sys.argv[2]).write_text("\n".join(['#include "docs/code_blocks.h"', *includes, *tests]) + "\n")
