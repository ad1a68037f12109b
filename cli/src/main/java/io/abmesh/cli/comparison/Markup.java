package io.abmesh.cli.comparison;

import java.io.StringWriter;
import javax.xml.stream.XMLOutputFactory;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamWriter;

/**
 * Writes HTML and SVG elements through the platform's XML writer, which escapes what is written.
 * Nothing is left open by mistake: an element is closed when its content returns.
 */
final class Markup {
    private final StringWriter text = new StringWriter();
    private final XMLStreamWriter xml;

    /** Starts empty. */
    Markup() {
        try {
            xml = XMLOutputFactory.newFactory().createXMLStreamWriter(text);
        } catch (XMLStreamException e) {
            throw new IllegalStateException("no XML writer", e);
        }
    }

    /** Writes an element with content; attributes are names and values in turn. */
    Markup element(String name, Runnable content, String... attributes) {
        return writing(
                () -> {
                    xml.writeStartElement(name);
                    attributes(attributes);
                    content.run();
                    // An end tag of its own even without content, as HTML wants it.
                    xml.writeCharacters("");
                    xml.writeEndElement();
                });
    }

    /** Writes an element that holds text. */
    Markup element(String name, String content, String... attributes) {
        return element(name, () -> text(content), attributes);
    }

    /** Writes an element that never has content. */
    Markup empty(String name, String... attributes) {
        return writing(
                () -> {
                    xml.writeEmptyElement(name);
                    attributes(attributes);
                });
    }

    /** Writes text. */
    Markup text(String content) {
        return writing(() -> xml.writeCharacters(content));
    }

    @Override
    public String toString() {
        writing(xml::flush);
        return text.toString();
    }

    private interface Writing {
        void run() throws XMLStreamException;
    }

    private Markup writing(Writing writing) {
        try {
            writing.run();
            return this;
        } catch (XMLStreamException e) {
            throw new IllegalStateException("cannot write to memory", e);
        }
    }

    private void attributes(String... attributes) throws XMLStreamException {
        for (int i = 0; i < attributes.length; i += 2) {
            xml.writeAttribute(attributes[i], attributes[i + 1]);
        }
    }
}
