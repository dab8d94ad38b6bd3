package io.holdfast.engine.options;

import io.holdfast.kernels.HoldfastException;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * From text to a record whose components are {@link Option}s, and back. A component that is itself
 * a record is a group: its options count as the record's own.
 */
public final class Options {

  /**
   * One option, as a command line shows it.
   *
   * @param key snake case: the JSON key; the flag is {@code --} and the key with dashes
   * @param type "text", "path", "number", "integer" or "true|false", or the choices
   * @param byDefault null if there is none
   * @param range "" if any value will do
   * @param free a run may be resumed with another value
   */
  public record Info(
      String key, String type, String byDefault, String range, String help, boolean free) {

    public String flag() {
      return "--" + key.replace('_', '-');
    }

    public boolean isBoolean() {
      return type.equals("true|false");
    }
  }

  private Options() {}

  /** Options of a record in the order of its components. */
  public static List<Info> describe(Class<? extends Record> type) {
    return components(type)
        .map(
            c -> {
              Option option = c.getAnnotation(Option.class);
              String byDefault = option.byDefault().isEmpty() ? null : option.byDefault();
              return new Info(
                  key(c), typeName(c), byDefault, range(option), option.help(), option.free());
            })
        .toList();
  }

  /** A record with every option at its default. */
  public static <T extends Record> T defaults(Class<T> type) {
    return parse(type, Map.of());
  }

  /**
   * A record from keys (or flags: dashes are underscores) and values; a value may be text. What is
   * absent takes its default; an unknown key or a bad value is a usage error.
   */
  public static <T extends Record> T parse(Class<T> type, Map<String, ?> values) {
    Map<String, String> given = new LinkedHashMap<>();
    values.forEach((k, v) -> given.put(k.replace('-', '_'), v == null ? null : String.valueOf(v)));
    T parsed = take(type, given);
    if (!given.isEmpty()) {
      String unknown = given.keySet().iterator().next();
      throw usage("unknown option '" + unknown + "': did you mean " + nearest(type, unknown) + "?");
    }
    return parsed;
  }

  /** A record from what is given; what it has used is removed there. */
  private static <T extends Record> T take(Class<T> type, Map<String, String> given) {
    RecordComponent[] components = type.getRecordComponents();
    Object[] arguments = new Object[components.length];
    Class<?>[] types = new Class<?>[components.length];
    for (int i = 0; i < components.length; i++) {
      RecordComponent c = components[i];
      types[i] = c.getType();
      if (c.getType().isRecord()) {
        arguments[i] = take(c.getType().asSubclass(Record.class), given);
      } else {
        Option option = c.getAnnotation(Option.class);
        String text = given.remove(key(c));
        if (text != null && text.isEmpty() && !option.byDefault().isEmpty()) {
          throw usage(flag(c) + " is empty: use " + typeName(c) + ", or leave it out");
        }
        arguments[i] = value(c, option, text == null ? option.byDefault() : text);
      }
    }
    return construct(type, types, arguments);
  }

  /** Keys and values of every option, so that {@code parse} of them equals the record. */
  public static Map<String, Object> toMap(Record values) {
    Map<String, Object> map = new LinkedHashMap<>();
    for (RecordComponent c : values.getClass().getRecordComponents()) {
      Object value = get(c, values);
      if (value instanceof Record group) {
        map.putAll(toMap(group));
      } else {
        map.put(key(c), jsonValue(value));
      }
    }
    return map;
  }

  /** What {@link #toMap} has for a record with every option at its default; null without one. */
  public static Map<String, Object> defaultMap(Class<? extends Record> type) {
    Map<String, Object> map = new LinkedHashMap<>();
    components(type)
        .forEach(
            c -> {
              Option option = c.getAnnotation(Option.class);
              map.put(key(c), jsonValue(value(c, option, option.byDefault())));
            });
    return map;
  }

  private static Object jsonValue(Object value) {
    return value instanceof Enum || value instanceof Path ? text(value) : value;
  }

  /** The options of a record, those of its groups in place of the group. */
  private static Stream<RecordComponent> components(Class<?> type) {
    return Arrays.stream(type.getRecordComponents())
        .flatMap(c -> c.getType().isRecord() ? components(c.getType()) : Stream.of(c));
  }

  private static Object value(RecordComponent c, Option option, String text) {
    if (text.isEmpty()) {
      return null;
    }
    Class<?> type = c.getType();
    try {
      if (type == String.class) {
        return text;
      } else if (type == Path.class) {
        return Path.of(text);
      } else if (type == boolean.class) {
        return truth(text);
      } else if (type.isEnum()) {
        return constant(type, text);
      }
      double number = Double.parseDouble(text);
      boolean low = option.aboveMin() ? number > option.min() : number >= option.min();
      boolean high = option.belowMax() ? number < option.max() : number <= option.max();
      if (!low || !high || !Double.isFinite(number)) {
        throw new IllegalArgumentException();
      }
      return type == int.class
          ? (Object) Integer.valueOf(text)
          : type == long.class ? (Object) Long.valueOf(text) : (Object) number;
    } catch (IllegalArgumentException e) {
      throw usage(flag(c) + " is '" + text + "': use " + typeName(c) + " " + range(option).strip());
    }
  }

  private static boolean truth(String text) {
    return switch (text.toLowerCase(Locale.ROOT)) {
      case "true", "yes", "1" -> true;
      case "false", "no", "0" -> false;
      default -> throw new IllegalArgumentException();
    };
  }

  private static Object constant(Class<?> type, String text) {
    return Arrays.stream(type.getEnumConstants())
        .filter(e -> text(e).equalsIgnoreCase(text.replace('_', '-')))
        .findFirst()
        .orElseThrow(IllegalArgumentException::new);
  }

  /** Constants are written in lower case with dashes. */
  private static String text(Object value) {
    return value instanceof Enum<?> e
        ? e.name().toLowerCase(Locale.ROOT).replace('_', '-')
        : value.toString();
  }

  private static String typeName(RecordComponent c) {
    Class<?> type = c.getType();
    if (type.isEnum()) {
      return String.join("|", Arrays.stream(type.getEnumConstants()).map(Options::text).toList());
    } else if (type == boolean.class) {
      return "true|false";
    } else if (type == Path.class) {
      return "path";
    } else if (type == String.class) {
      return "text";
    }
    return type == int.class || type == long.class ? "integer" : "number";
  }

  private static String range(Option o) {
    String low =
        o.min() == Double.NEGATIVE_INFINITY ? "" : (o.aboveMin() ? "> " : ">= ") + plain(o.min());
    String high =
        o.max() == Double.POSITIVE_INFINITY ? "" : (o.belowMax() ? "< " : "<= ") + plain(o.max());
    return low + (low.isEmpty() || high.isEmpty() ? "" : " and ") + high;
  }

  private static String key(RecordComponent c) {
    StringBuilder key = new StringBuilder();
    for (char letter : c.getName().toCharArray()) {
      key.append(Character.isUpperCase(letter) ? "_" : "").append(Character.toLowerCase(letter));
    }
    return key.toString();
  }

  private static String flag(RecordComponent c) {
    return "--" + key(c).replace('_', '-');
  }

  private static String plain(double bound) {
    return bound == Math.rint(bound) ? Long.toString((long) bound) : Double.toString(bound);
  }

  /** The known flag at the smallest edit distance. */
  private static String nearest(Class<? extends Record> type, String unknown) {
    return components(type)
        .min(Comparator.comparingInt(c -> distance(key(c), unknown)))
        .map(Options::flag)
        .orElseThrow();
  }

  /** Levenshtein's edit distance. */
  public static int distance(String a, String b) {
    int[] row = IntStream.rangeClosed(0, b.length()).toArray();
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
      }
    }
    return row[b.length()];
  }

  private static <T extends Record> T construct(
      Class<T> type, Class<?>[] types, Object[] arguments) {
    try {
      Constructor<T> constructor = type.getDeclaredConstructor(types);
      return constructor.newInstance(arguments);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof HoldfastException bad) {
        throw bad;
      }
      throw new IllegalStateException(e.getCause());
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Object get(RecordComponent c, Record values) {
    try {
      return c.getAccessor().invoke(values);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  private static HoldfastException usage(String message) {
    return new HoldfastException(HoldfastException.Kind.USAGE, message);
  }
}
