package io.holdfast.cli;

import io.holdfast.engine.train.StopSignal;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.Map;
import org.slf4j.LoggerFactory;

/**
 * SIGINT and SIGTERM while a run goes on: the first asks it to save and stop, the second ends the
 * process at once. Before there is anything to save, so does the first.
 *
 * <p>The class of the JDK that handles signals is reached by reflection, because javac warns about
 * its name wherever it is written.
 */
final class Signals {

  private static final Map<String, Integer> EXIT_CODES = Map.of("INT", 130, "TERM", 143);

  private final StopSignal stop = new StopSignal();
  private volatile boolean saving;

  private Signals() {}

  static Signals install() {
    Signals signals = new Signals();
    try {
      Class<?> signal = Class.forName("sun.misc.Signal");
      Class<?> handler = Class.forName("sun.misc.SignalHandler");
      for (Map.Entry<String, Integer> entry : EXIT_CODES.entrySet()) {
        InvocationHandler onSignal = signals.handler(entry.getValue());
        Object proxy =
            Proxy.newProxyInstance(handler.getClassLoader(), new Class<?>[] {handler}, onSignal);
        Object name = signal.getConstructor(String.class).newInstance(entry.getKey());
        signal.getMethod("handle", signal, handler).invoke(null, name, proxy);
      }
    } catch (ReflectiveOperationException e) {
      LoggerFactory.getLogger(Logs.RUN).warn("signals end the run without a checkpoint: {}", e);
    }
    return signals;
  }

  private InvocationHandler handler(int exitCode) {
    return (proxy, method, arguments) -> {
      if (method.getName().equals("handle")) {
        received(exitCode);
        return null;
      }
      return method.invoke(this, arguments);
    };
  }

  private void received(int exitCode) {
    if (!saving || stop.isRequested()) {
      Runtime.getRuntime().halt(exitCode);
    }
    stop.request();
    LoggerFactory.getLogger(Logs.RUN)
        .info("stopping: finishing this update and saving; a second signal stops at once");
  }

  /** From now on a stop can be saved. */
  void canSave() {
    saving = true;
  }

  StopSignal stop() {
    return stop;
  }
}
