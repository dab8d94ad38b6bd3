#!/bin/sh
# Makes TARGET/holdfast-linux-x86_64.tar.xz from what the build has put into TARGET: a program that needs no Java, no
# compiler and no network. The demo's model and sentences are not in it. `./mvnw -Pbundle package` calls it.
#
#   bundle.sh TARGET JAVA_HOME
set -eu
target=$1 java=$2
name=holdfast-linux-x86_64
work=$target/bundle
rm -rf "$work"
mkdir -p "$work/$name/lib"
cp "$target/holdfast.jar" "$target"/lib/*.jar "$work/$name/lib"
mv "$work/$name/lib/holdfast.jar" "$work/$name"
cp "$target/../../LICENSE" "$target/../../NOTICE" "$work/$name"

# Native libraries that are never loaded go, and jars are stored as they are: xz packs them better than zip does.
for jar in "$work/$name"/lib/*.jar; do
  mkdir "$work/jar"
  (cd "$work/jar" && "$java/bin/jar" xf "$jar")
  case ${jar##*/} in
    cuda-*-linux-x86_64.jar)
      find "$work/jar" -name '*.so' ! -name libjnicudart.so ! -name libjnicublas.so ! -name libjninvrtc.so -delete
      ;;
    tokenizers-*.jar)
      find "$work/jar/native/lib" -mindepth 1 -maxdepth 1 ! -name 'linux-x86_64' ! -name '*.properties' -exec rm -rf {} +
      ;;
    jna-*.jar)
      find "$work/jar/com/sun/jna" -mindepth 1 -maxdepth 1 -type d -name '*-*' ! -name linux-x86-64 -exec rm -rf {} +
      ;;
  esac
  rm "$jar"
  "$java/bin/jar" -c -f "$jar" -0 -M -C "$work/jar" .
  rm -rf "$work/jar"
done

"$java/bin/jlink" --add-modules java.base,java.logging,java.management,java.naming,java.xml,jdk.management,jdk.unsupported \
  --strip-debug --no-header-files --no-man-pages --output "$work/$name/runtime"

# The tests that a GPU can run; goldens are looked up beside the folder that they run in.
root=$target/../..
mkdir -p "$work/$name/checks/run" "$work/$name/checks/model/src/test/resources"
cp "$target"/checks/*.jar "$work/$name/checks"
cp -r "$root/model/src/test/resources/goldens" "$work/$name/checks/model/src/test/resources"
for module in kernels model engine; do cp -r "$root/$module/target/test-classes" "$work/$name/checks/$module-tests"; done

cat > "$work/$name/check-gpu" <<'CHECKS'
#!/bin/sh
# Runs the checks of the cuda backend on this machine's GPU: every operation, whole models against Hugging Face's numbers,
# ten updates of every criterion and a run from files, against the CPU.
set -u
case ${LC_ALL:-${LC_CTYPE:-${LANG:-C}}} in C | POSIX) export LC_ALL=C.UTF-8 ;; esac
self=$(readlink -f "$0")
root=${self%/*}
"$root/holdfast" doctor
cd "$root/checks/run" || exit 1
tests=
for test in kernels.cuda.CudaKernelsTest model.GoldenTest engine.criteria.EmulatedCudaTest engine.train.CudaRunTest; do
  tests="$tests --select-class io.holdfast.$test"
done
exec "$root/runtime/bin/java" -Dholdfast.cuda.device=true \
  -cp "$root/checks/kernels-tests:$root/checks/model-tests:$root/checks/engine-tests:$root/checks/*:$root/lib/*" \
  org.junit.platform.console.ConsoleLauncher execute --disable-banner --disable-ansi-colors --details=tree $tests
CHECKS
chmod +x "$work/$name/check-gpu"

cat > "$work/$name/holdfast" <<'LAUNCHER'
#!/bin/sh
# Runs Holdfast with the Java that is beside it.
set -u
case ${LC_ALL:-${LC_CTYPE:-${LANG:-C}}} in C | POSIX) export LC_ALL=C.UTF-8 ;; esac
self=$(readlink -f "$0")
root=${self%/*}
[ -t 2 ] && terminal=true || terminal=false
exec "$root/runtime/bin/java" -Dholdfast.assets="$root/assets" -Dholdfast.terminal=$terminal -jar "$root/holdfast.jar" "$@"
LAUNCHER
chmod +x "$work/$name/holdfast"
tar -C "$work" -cJf "$target/$name.tar.xz" "$name"
rm -rf "$work"
echo "$target/$name.tar.xz: $(du -m "$target/$name.tar.xz" | cut -f 1) MiB"
