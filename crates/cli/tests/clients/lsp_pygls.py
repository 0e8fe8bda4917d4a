"""A language client of pygls against `stele lsp` on a folder with a policy and a library.

Usage: lsp_pygls.py STELE ROOT. lsprotocol checks the form of every message. Any difference ends it with 1.
"""

import asyncio
import sys
from pathlib import Path

from lsprotocol import types
from pygls.lsp.client import LanguageClient

PATIENCE = 120


def equal(what, actual, expected):
    actual = list(actual) if isinstance(actual, tuple) else actual
    if actual != expected:
        raise AssertionError(f"{what}: {actual!r} instead of {expected!r}")


def holds(what, condition, context=""):
    if not condition:
        raise AssertionError(f"{what} does not hold: {context}")


class Editor(LanguageClient):
    """Keeps the diagnostics that come, and every message that can't be read."""

    def __init__(self):
        super().__init__("stele-test", "1")
        self.errors = []
        self.published = asyncio.Condition()
        self.diagnostics = {}

        @self.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        async def published(params):
            async with self.published:
                self.diagnostics[(params.uri, params.version)] = params.diagnostics
                self.published.notify_all()

    def report_server_error(self, error, source):
        self.errors.append(error)

    async def diagnostics_of(self, uri, version):
        async with self.published:
            await asyncio.wait_for(
                self.published.wait_for(lambda: (uri, version) in self.diagnostics), PATIENCE
            )
            return self.diagnostics[(uri, version)]


def place(text, needle):
    """The position of a text, in UTF-16 units."""
    before = text[: text.index(needle)]
    line = before.split("\n")[-1]
    return types.Position(before.count("\n"), len(line.encode("utf-16-le")) // 2)


async def drive(editor, root):
    policy = root / "policy.rego"
    library = root / "lib.rego"
    text, uri = policy.read_text(encoding="utf-8"), policy.as_uri()
    document = types.TextDocumentIdentifier(uri)
    folder = types.WorkspaceFolder(uri=root.as_uri(), name="policies")
    capabilities = types.ClientCapabilities(
        text_document=types.TextDocumentClientCapabilities(
            hover=types.HoverClientCapabilities(content_format=[types.MarkupKind.Markdown]),
            document_symbol=types.DocumentSymbolClientCapabilities(hierarchical_document_symbol_support=True),
        )
    )
    options = {"lint": {"disable": ["missing-metadata", "no-test", "unreachable-rule", "undefined-entry-point"]}}
    answer = await editor.initialize_async(
        types.InitializeParams(
            capabilities=capabilities, workspace_folders=[folder], initialization_options=options
        )
    )
    equal("encoding", answer.capabilities.position_encoding, "utf-16")
    editor.initialized(types.InitializedParams())

    item = types.TextDocumentItem(uri=uri, language_id="rego", version=1, text=text)
    editor.text_document_did_open(types.DidOpenTextDocumentParams(item))
    equal("diagnostics", await editor.diagnostics_of(uri, 1), [])

    def at(needle):
        return {"text_document": document, "position": place(text, needle)}

    hover = await editor.text_document_hover_async(types.HoverParams(**at("startswith")))
    holds("hover on a builtin", "startswith(text: string, prefix: string)" in hover.contents.value, hover)
    hover = await editor.text_document_hover_async(types.HoverParams(**at("images.trusted")))
    holds("hover on an import", "import data.lib.images" in hover.contents.value, hover)
    found = await editor.text_document_definition_async(types.DefinitionParams(**at("trusted(")))
    equal("definition", [(one.uri, one.range.start.line) for one in found], [(library.as_uri(), 2)])
    context = types.ReferenceContext(include_declaration=True)
    found = await editor.text_document_references_async(types.ReferenceParams(context=context, **at("trusted(")))
    equal("references", sorted(one.uri for one in found), sorted([uri, library.as_uri()]))
    found = await editor.text_document_completion_async(types.CompletionParams(**at("trusted(")))
    equal("completion", [one.label for one in found], ["trusted"])
    resolved = await editor.completion_item_resolve_async(found[0])
    holds("its documentation", "startswith(image," in resolved.documentation.value, resolved)
    found = await editor.text_document_document_symbol_async(types.DocumentSymbolParams(document))
    equal("symbols", [one.name for one in found[0].children], ["deny"])

    # An edit behind a character outside of the basic plane makes a mistake; formatting leaves the file alone until it is mended.
    start = place(text, ", [image]")
    change = types.TextDocumentContentChangePartial(
        range=types.Range(start, types.Position(start.line, start.character + 1)), text=" ;"
    )
    versioned = types.VersionedTextDocumentIdentifier(version=2, uri=uri)
    editor.text_document_did_change(types.DidChangeTextDocumentParams(versioned, [change]))
    found = await editor.diagnostics_of(uri, 2)
    equal("kinds", {(one.code, int(one.severity), one.source) for one in found}, {("syntax", 1, "stele")})
    equal("its line", found[0].range.start.line, start.line)
    options = types.FormattingOptions(tab_size=4, insert_spaces=False)
    formatting = types.DocumentFormattingParams(document, options)
    equal("edits", await editor.text_document_formatting_async(formatting), [])
    change = types.TextDocumentContentChangeWholeDocument(text.replace(" := ", ":="))
    versioned = types.VersionedTextDocumentIdentifier(version=3, uri=uri)
    editor.text_document_did_change(types.DidChangeTextDocumentParams(versioned, [change]))
    equal("diagnostics", await editor.diagnostics_of(uri, 3), [])
    edits = await editor.text_document_formatting_async(formatting)
    equal("the formatted line", [edit.new_text for edit in edits], [text.splitlines(True)[start.line]])

    await editor.shutdown_async(None)
    editor.exit(None)


async def main(stele, root):
    editor = Editor()
    await editor.start_io(stele, "lsp")
    await drive(editor, root)
    equal("exit code", await asyncio.wait_for(editor._server.wait(), PATIENCE), 0)
    equal("unreadable messages", editor.errors, [])


asyncio.run(main(sys.argv[1], Path(sys.argv[2]).resolve()))
