module argo/launcher

go 1.19
