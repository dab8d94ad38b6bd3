package io.holdfast.engine.data;

import io.holdfast.kernels.HoldfastException;
import io.holdfast.model.files.AtomicFile;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * The lines of a UTF-8 file, one at a time, ended by LF or CRLF; a byte order mark is skipped.
 * Whatever is not text stops with file, line and column. Hashes the bytes it reads.
 */
final class Lines implements Closeable {

  /** Longest line in bytes: far above any row of text, far below what fills the memory. */
  static final int LONGEST = 1 << 20;

  private final Path file;
  private final InputStream in;
  private final MessageDigest digest;
  private final CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
  private final byte[] buffer = new byte[1 << 16];
  private int from;
  private int to;
  private byte[] line = new byte[512];
  private int length;
  private int number;

  Lines(Path file) {
    this.file = file;
    if (!Files.isRegularFile(file)) {
      String what = Files.exists(file) ? "is not a file" : "does not exist";
      throw new HoldfastException(
          HoldfastException.Kind.DATA, file + ": " + what + "; check the path");
    }
    try {
      digest = MessageDigest.getInstance("SHA-256");
      in = Files.newInputStream(file);
    } catch (IOException e) {
      throw unreadable(e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  Path file() {
    return file;
  }

  /** Number of the line that {@link #next} returned last, from 1; 0 before the first. */
  int number() {
    return number;
  }

  /** The next line without its end, or null after the last. */
  String next() {
    length = 0;
    boolean ended = false;
    while (!ended && fill()) {
      int end = from;
      while (end < to && buffer[end] != '\n') {
        end++;
      }
      append(end);
      ended = end < to;
      from = ended ? end + 1 : end;
    }
    if (!ended && length == 0) {
      return null;
    }
    number++;
    if (length > 0 && line[length - 1] == '\r') {
      length--;
    }
    return decode();
  }

  /**
   * The next line that is not blank, or null when none is left. A blank line before it is an error.
   */
  String nextRow() {
    String text = next();
    int blank = 0;
    while (text != null && text.isBlank()) {
      blank = blank == 0 ? number : blank;
      text = next();
    }
    if (text != null && blank != 0) {
      throw error(blank, 0, "blank line between rows; remove it");
    }
    return text;
  }

  /** SHA-256 of the whole file: reads what is left of it. */
  String sha256() {
    while (fill()) {
      from = to;
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  /** A DATA failure at a place of this file; a line or column of 0 is left out. */
  HoldfastException error(int atLine, int column, String message) {
    String place = file + (atLine > 0 ? ":" + atLine : "") + (column > 0 ? ":" + column : "");
    return new HoldfastException(HoldfastException.Kind.DATA, place + ": " + message);
  }

  @Override
  public void close() {
    try {
      in.close();
    } catch (IOException e) {
      throw unreadable(e);
    }
  }

  private boolean fill() {
    if (from < to) {
      return true;
    }
    try {
      from = 0;
      to = Math.max(0, in.read(buffer));
    } catch (IOException e) {
      throw unreadable(e);
    }
    digest.update(buffer, 0, to);
    return to > 0;
  }

  private void append(int end) {
    int more = end - from;
    if (length + more > LONGEST) {
      throw error(
          number + 1, 0, "line longer than " + LONGEST + " bytes; is this a text file of rows?");
    }
    if (length + more > line.length) {
      line = Arrays.copyOf(line, Math.max(2 * line.length, length + more));
    }
    System.arraycopy(buffer, from, line, length, more);
    length += more;
  }

  private String decode() {
    CharBuffer chars = CharBuffer.allocate(length);
    decoder.reset();
    CoderResult result = decoder.decode(ByteBuffer.wrap(line, 0, length), chars, true);
    if (result.isError()) {
      boolean utf16 = number == 1 && length > 1 && (line[0] & line[1] & 0xFE) == 0xFE;
      throw error(
          number,
          chars.position() + 1,
          (utf16 ? "UTF-16 text" : "not valid UTF-8") + "; convert the file to UTF-8");
    }
    String text = chars.flip().toString();
    if (number == 1 && text.startsWith("\uFEFF")) {
      text = text.substring(1);
    }
    int cr = number == 1 ? text.indexOf('\r') : -1;
    if (cr >= 0) {
      throw error(number, cr + 1, "a line end of CR alone; convert them to LF");
    }
    int nul = text.indexOf('\0');
    if (nul >= 0) {
      throw error(number, nul + 1, "NUL character; is this a text file?");
    }
    return text;
  }

  private HoldfastException unreadable(IOException e) {
    return AtomicFile.unreadable(HoldfastException.Kind.IO, file, e);
  }
}
