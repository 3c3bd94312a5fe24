<?php
function main(array $args) : array
{
    if (isset($args["say"])) {
        echo "out " . $args["say"] . "\n";
        file_put_contents("php://stderr", "err " . $args["say"] . "\n");
    }
    if (isset($args["fail"])) {
        throw new Exception($args["fail"]);
    }
    if (isset($args["list"])) {
        return array_merge($args["list"], ["php"]);
    }
    if (isset($args["env"])) {
        return ["value" => getenv($args["env"])];
    }
    return ["greeting" => "Hello " . ($args["name"] ?? "stranger")];
}
