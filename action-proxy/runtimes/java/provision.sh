# The JVM of one version from the host; the launcher is compiled, and the classes of a start are archived for the next ones.
. "$here/shared.sh"

jvm() {
    for folder in "/usr/lib/jvm/java-$version-openjdk-"* "/usr/lib/jvm/java-$version"*; do
        [ -x "$folder/bin/$1" ] && echo "$folder/bin/$1" && return 0
    done
    find_tool "$1 $version" "$1"
}

javac=$(jvm javac) || { install_packages "openjdk-$version-jre-headless" && install_for_building "openjdk-$version-jdk-headless" && javac=$(jvm javac); } ||
    fail "a JDK $version is not on this host: apt-get install openjdk-$version-jdk-headless"
java=$(jvm java)
gson=/usr/share/java/gson.jar
[ -f "$gson" ] || install_packages libgoogle-gson-java || fail "Gson is not on this host: apt-get install libgoogle-gson-java"
step "found $("$java" --version | head -n 1) at $java"

step "compiling the launcher"
ln -s "$java" "$target/java"
cp -L "$gson" "$target/gson.jar"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/launcher" "$work/train"
# Strings joined inline: the other way builds method handles at the first use of each.
"$javac" --release 17 -encoding UTF-8 -XDstringConcat=inline -Xlint:all -Werror -cp "$target/gson.jar" -d "$work/launcher" "$here"/java/src/argo/*.java "$here"/java/src/argo/launcher/*.java
"$javac" --release 17 -encoding UTF-8 -cp "$target/gson.jar" -d "$work/train" "$here/java/train/Sample.java"
jar=${javac%c}
jar=${jar%/java}/jar
"$jar" --create --no-compress --file "$target/launcher.jar" -C "$work/launcher" .
"$jar" --create --file "$work/train.jar" -C "$work/train" .
cp "$here/java/launch" "$target/launch"

step "archiving the classes of a start"
ARGO_MEMORY_LATER=1 ARGO_JAVA_ARCHIVE="-XX:ArchiveClassesAtExit=$target/launcher.jsa" ARGO_WORK=$work \
    "$target/launch" --train "$work/train.jar" Sample >"$work/train.log" 2>&1 || {
    cat "$work/train.log" >&2
    fail "the launcher does not run"
}
grep -q '"greeting":"Hello, a!"' "$work/train.log" || fail "the launcher did not answer as it must: $(cat "$work/train.log")"
remove_building_packages
make_check "$target/java" --version
