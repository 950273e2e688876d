return {messages = {a = {fields = {x = "u7"}}}}
